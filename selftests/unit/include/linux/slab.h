/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory by malloc(), so that the address sanitizer sees who misuses it. It is never
 * zero by chance, and moves whenever its size changes. See unit.h for what a test can
 * ask of it.
 */
#ifndef UNIT_SLAB_H
#define UNIT_SLAB_H

#include <errno.h>
#include <string.h>

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/types.h>

#define GFP_KERNEL_ACCOUNT	0x1U
#define SLAB_ACCOUNT		0x1U

void *kmalloc(size_t size, gfp_t gfp);
void *kzalloc(size_t size, gfp_t gfp);
void *krealloc(const void *mem, size_t size, gfp_t gfp);
void *kvrealloc(const void *mem, size_t size, gfp_t gfp);
void kfree(const void *mem);
void kvfree(const void *mem);

struct kmem_cache;

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, unsigned int flags,
				     void (*construct)(void *mem));
void kmem_cache_destroy(struct kmem_cache *cache);
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *cache, void *mem);
int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t nr,
			  void **mem);
void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nr, void **mem);

#endif
