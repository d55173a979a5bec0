// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's allocators, by malloc().
 */
#include <stdlib.h>

#include <linux/slab.h>

#include "unit.h"

/* What new memory is full of. */
#define JUNK	0xa5

struct kmem_cache {
	size_t size;
	unsigned long live;
	void (*construct)(void *mem);
};

static unsigned long live, fail_in;
static bool failed;

void alloc_fail(unsigned long n)
{
	fail_in = n;
	failed = false;
}

bool alloc_has_failed(void)
{
	fail_in = 0;
	return failed;
}

unsigned long alloc_live(void)
{
	return live;
}

static bool must_fail(void)
{
	if (!fail_in || --fail_in)
		return false;
	failed = true;
	return true;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	void *mem;

	CHECK(gfp == GFP_KERNEL_ACCOUNT);
	if (must_fail())
		return NULL;
	mem = malloc(size);
	CHECK(mem);
	memset(mem, JUNK, size);
	live++;
	return mem;
}

void *kzalloc(size_t size, gfp_t gfp)
{
	void *mem = kmalloc(size, gfp);

	return mem ? memset(mem, 0, size) : NULL;
}

/* The sanitizer's realloc() moves each time. */
void *krealloc(const void *mem, size_t size, gfp_t gfp)
{
	CHECK(mem);
	CHECK(gfp == GFP_KERNEL_ACCOUNT);
	if (must_fail())
		return NULL;
	mem = realloc((void *)mem, size);
	CHECK(mem);
	return (void *)mem;
}

void *kvrealloc(const void *mem, size_t size, gfp_t gfp)
{
	return krealloc(mem, size, gfp);
}

void kfree(const void *mem)
{
	if (mem)
		live--;
	free((void *)mem);
}

void kvfree(const void *mem)
{
	kfree(mem);
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, unsigned int flags,
				     void (*construct)(void *mem))
{
	struct kmem_cache *cache;

	CHECK(*name);
	CHECK(!align);
	CHECK(flags == SLAB_ACCOUNT);
	cache = kmalloc(sizeof(*cache), GFP_KERNEL_ACCOUNT);
	if (!cache)
		return NULL;
	cache->size = size;
	cache->live = 0;
	cache->construct = construct;
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	CHECK(!cache->live);
	kfree(cache);
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *mem = kmalloc(cache->size, gfp);

	if (!mem)
		return NULL;
	cache->live++;
	cache->construct(mem);
	return mem;
}

void kmem_cache_free(struct kmem_cache *cache, void *mem)
{
	CHECK(mem && cache->live);
	cache->live--;
	kfree(mem);
}

/* All or none, as in the kernel. */
int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t nr,
			  void **mem)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		mem[i] = kmem_cache_alloc(cache, gfp);
		if (!mem[i]) {
			kmem_cache_free_bulk(cache, i, mem);
			return 0;
		}
	}
	return nr;
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nr, void **mem)
{
	while (nr)
		kmem_cache_free(cache, mem[--nr]);
}
