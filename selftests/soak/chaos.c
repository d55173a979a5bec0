// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls whose result is not predicted, in the free contexts and in those that are
 * passed around: with IDs that others are just destroying, structures of any
 * length and contents, and memory that is replaced meanwhile.
 *
 * Through these, devices can write only to the arenas of such workers: mapped
 * addresses are theirs, or lead nowhere.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "action.h"
#include "chaos.h"
#include "inject.h"
#include "iommu.h"
#include "mem.h"
#include "pass.h"

#define MAX_BATCH 24U

/* Any of the free contexts, or one that is not everybody's. */
int any_fd(struct worker *w)
{
	if (w->loose_fd >= 0 && chance(w, 30))
		return w->loose_fd;
	return world->contexts[NR_CHECKED + pick(w, NR_FREE)];
}

static uint32_t *any_slot(struct worker *w, int fd, enum thing thing)
{
	unsigned int nr = fd == world->contexts[NR_CHECKED] ? 0 : 1;

	/* There are never more devices than these. */
	return &world->pool[nr][thing][pick(w, thing == DEVICE ? 3 : POOL)];
}

/* An ID: likely of one that there was. */
uint32_t any_id(struct worker *w, int fd, enum thing thing)
{
	static const uint32_t odd[] = { 0, UINT32_MAX, 0x7fffffff, 0x10000 };
	unsigned int how = pick(w, 100);

	/* A descriptor that is not everybody's has few objects. */
	if (fd == w->loose_fd && how < 80)
		return 1 + pick(w, 6);
	if (how >= 97)
		return odd[pick(w, 4)];
	if (how >= 90)
		return 1 + pick(w, 64);
	if (how >= 85)
		thing = pick(w, NR_THINGS);
	return __atomic_load_n(any_slot(w, fd, thing), __ATOMIC_RELAXED);
}

/*
 * A new object takes the place of another one, which goes if it can: or these contexts
 * would have more and more, until a dump takes minutes.
 */
void seen_id(struct worker *w, int fd, enum thing thing, uint32_t id)
{
	uint32_t old;

	if (fd == w->loose_fd)
		return;
	old = __atomic_exchange_n(any_slot(w, fd, thing), id, __ATOMIC_RELAXED);
	if (old && old != id && thing != DEVICE)
		iommu_destroy(fd, old);
}

/* What can be attached to. */
uint32_t any_page_table(struct worker *w, int fd)
{
	return any_id(w, fd, chance(w, 60) ? IOAS : TABLE);
}

uint64_t any_iova(struct worker *w)
{
	return ANY_AT + pick(w, ANY_PAGES) * PAGE;
}

static uint64_t any_length(struct worker *w)
{
	return (1 + pick(w, 1 + pick(w, 32))) * PAGE;
}

/* Of the arena, or no memory of this process. */
static void *any_va(struct worker *w)
{
	static const uint64_t nowhere[] = {
		0, 0x1000, 0xffffffff81000000, 0xffffffffffffe000,
		0x7fffffffe000,
	};

	if (chance(w, 90))
		return arena_page(&w->arena, pick(w, ARENA_PAGES));
	return (void *)(uintptr_t)nowhere[pick(w, 5)];
}

int act_any_alloc(struct worker *w)
{
	int fd = any_fd(w), rc;
	uint32_t id;

	rc = CALL(w, iommu_ioas_alloc(fd, &id));
	if (!rc)
		seen_id(w, fd, IOAS, id);
	return rc;
}

int act_any_map(struct worker *w)
{
	uint32_t flags = pick_perm(w) | (chance(w, 95) ? IOMMU_FIXED : 0);
	uint64_t iova = any_iova(w);
	int fd = any_fd(w);

	return CALL(w, iommu_ioas_map(fd, any_id(w, fd, IOAS), any_va(w),
				      any_length(w), flags, &iova));
}

int act_any_map_file(struct worker *w)
{
	uint64_t iova = any_iova(w), start = pick(w, ARENA_PAGES) * PAGE;
	int fd = any_fd(w);
	int file = chance(w, 90) ? w->arena.file : fd;

	return CALL(w, iommu_ioas_map_file(fd, any_id(w, fd, IOAS), file, start,
					   any_length(w),
					   pick_perm(w) | IOMMU_FIXED, &iova));
}

int act_any_unmap(struct worker *w)
{
	int fd = any_fd(w);
	uint32_t id = any_id(w, fd, IOAS);

	if (chance(w, 10))
		return CALL(w, iommu_unmap_all(fd, id, NULL));
	/* A large range cuts less often. */
	if (chance(w, 40))
		return CALL(w, iommu_ioas_unmap(fd, id, ANY_AT, pick(w, 8) *
						(ANY_PAGES / 4) * PAGE, NULL));
	return CALL(w, iommu_ioas_unmap(fd, id, any_iova(w),
					any_length(w), NULL));
}

int act_any_batch(struct worker *w)
{
	struct ioasid_batch_entry entries[MAX_BATCH];
	unsigned int nr = pick(w, MAX_BATCH), i;
	bool map = chance(w, 60);
	int fd = any_fd(w);

	for (i = 0; i < nr; i++)
		entries[i] = (struct ioasid_batch_entry) {
			.src = map ? iommu_ptr(any_va(w)) : 0,
			.iova = any_iova(w),
			.length = map ? PAGE : any_length(w),
			.flags = map ? IOMMU_FIXED | pick_perm(w) : 0,
		};
	return CALL(w, iommu_batch(fd, map ? IOASID_MAP_BATCH :
				   IOASID_UNMAP_BATCH, any_id(w, fd, IOAS), entries,
				   nr, NULL));
}

/* Mostly of something that has just been mapped. */
int act_any_copy(struct worker *w)
{
	uint64_t from = any_iova(w), to = any_iova(w), length = any_length(w);
	int fd = any_fd(w);
	uint32_t id = any_id(w, fd, IOAS);

	if (chance(w, 80))
		iommu_map_fixed(fd, id, arena_page(&w->arena, 0), length,
				IOMMU_RW, from);
	return CALL(w, iommu_ioas_copy(fd, any_id(w, fd, IOAS), id, from,
				       length, pick_perm(w) | IOMMU_FIXED,
				       &to));
}

int act_any_destroy(struct worker *w)
{
	int fd = any_fd(w);

	return CALL(w, iommu_destroy(fd, any_id(w, fd, pick(w, NR_THINGS))));
}

/* A child, and something in it at once. */
int act_any_nested(struct worker *w)
{
	int fd = any_fd(w), rc;
	uint64_t iova = any_iova(w);
	uint32_t id;

	rc = CALL(w, iommu_alloc_nested(fd, any_id(w, fd, IOAS), &id));
	if (rc)
		return rc;
	seen_id(w, fd, IOAS, id);
	CALL(w, iommu_ioas_map(fd, id, (void *)(uintptr_t)any_iova(w),
			       any_length(w), pick_perm(w) | IOMMU_FIXED,
			       &iova));
	return 0;
}

int act_any_table(struct worker *w)
{
	int fd = any_fd(w), rc;
	uint32_t id;

	rc = CALL(w, iommu_hwpt_alloc(fd, any_id(w, fd, DEVICE),
				      any_page_table(w, fd),
				      chance(w, 50) ? 0 : pick(w, 8), &id));
	if (!rc)
		seen_id(w, fd, TABLE, id);
	return rc;
}

int act_any_option(struct worker *w)
{
	int fd = any_fd(w);
	struct iommu_iova_range ranges[3] = {
		{ ANY_AT, ANY_AT + ANY_PAGES * PAGE - 1 },
		{ 0, PAGE - 1 },
		{ UINT64_MAX - PAGE + 1, UINT64_MAX },
	};

	switch (pick(w, 4)) {
	case 0:
		return CALL(w, iommu_option_set(fd, pick(w, 3), any_id(w, fd, IOAS),
						pick(w, 3)));
	case 1:
		return CALL(w, iommu_allow_iovas(fd, any_id(w, fd, IOAS), ranges,
						 pick(w, 4)));
	case 2:
		return CALL(w, iommu_vfio_ioas(fd, pick(w, 4),
					       &(uint32_t) { any_id(w, fd, IOAS) }));
	default:
		return CALL(w, iommu_change_process(fd));
	}
}

/* Read, write and close queues that others may use. */
int act_any_queue(struct worker *w)
{
	int fd = any_fd(w), queue = -1, rc;
	char buffer[256] = { };
	uint32_t id = 0;

	if (chance(w, 50))
		rc = CALL(w, iommu_fault_queue_alloc(fd, &id, &queue));
	else
		rc = CALL(w, iommu_eventq_alloc(fd, any_id(w, fd, IOAS), pick(w, 9),
						&id, &queue));
	if (rc)
		return rc;
	seen_id(w, fd, OTHER, id);
	fcntl(queue, F_SETFL, O_NONBLOCK);
	rc = read(queue, buffer, pick(w, sizeof(buffer)));
	rc = write(queue, buffer, pick(w, sizeof(buffer)));
	if (chance(w, 10))
		CALL(w, iommu_destroy(fd, id));
	close(queue);
	return 0;
}

int act_any_legacy(struct worker *w)
{
	uint32_t info[128] = { };
	int fd = any_fd(w);

	switch (pick(w, 6)) {
	case 0:
		return ioctl(fd, VFIO_CHECK_EXTENSION, pick(w, 12)) < 0 ?
		       -errno : 0;
	case 1:
		return ioctl(fd, VFIO_SET_IOMMU, pick(w, 9)) ? -errno : 0;
	case 2:
		return CALL(w, vfio_dma_map(fd, any_va(w), any_length(w),
					    any_iova(w), pick(w, 8)));
	case 3:
		return CALL(w, vfio_dma_unmap(fd, any_iova(w), any_length(w),
					      pick(w, 3), NULL));
	case 4:
		info[0] = pick(w, sizeof(info));
		return ioctl(fd, VFIO_IOMMU_GET_INFO, info) ? -errno : 0;
	default:
		info[0] = pick(w, 64);
		info[1] = 1U << pick(w, 4);
		return ioctl(fd, VFIO_IOMMU_DIRTY_PAGES, info) ? -errno : 0;
	}
}

/* The arena is replaced, emptied, changed: nothing else ever comes to be there. */
int act_any_memory(struct worker *w)
{
	unsigned int page = pick(w, ARENA_PAGES);
	char *va = arena_page(&w->arena, page);
	size_t size = (1 + pick(w, ARENA_PAGES - page)) * PAGE;

	if (w->arena.huge) {
		va = w->arena.va;
		size = w->arena.size;
	}
	switch (pick(w, 5)) {
	case 0:
		if (w->arena.file >= 0)
			return 0;
		return mmap(va, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_FIXED, -1, 0) == va ? 0 : -errno;
	case 1:
		return madvise(va, size, MADV_DONTNEED) ? -errno : 0;
	case 2:
		return fallocate(w->arena.file, FALLOC_FL_PUNCH_HOLE |
				 FALLOC_FL_KEEP_SIZE, page * PAGE, size) ?
		       -errno : 0;
	case 3:
		return mprotect(va, size, PROT_READ) ||
		       mprotect(va, size, PROT_READ | PROT_WRITE) ? -errno : 0;
	default:
		return madvise(va, size, pick(w, 2) ? MADV_HUGEPAGE :
					 MADV_NOHUGEPAGE) ? -errno : 0;
	}
}

/* Descriptors are opened, sent to whoever reads first, used there, and closed. */
int act_any_mail(struct worker *w)
{
	int fd = chance(w, 50) ? fd_take(world->mail[0], MSG_DONTWAIT) : iommu_open();

	if (fd < 0)
		return fd;
	if (w->loose_fd >= 0) {
		if (chance(w, 70))
			fd_pass(world->mail[1], w->loose_fd, MSG_DONTWAIT);
		close(w->loose_fd);
	}
	w->loose_fd = fd;
	return 0;
}

/* Files that are no file of ours, and ours where others are wanted. */
int act_any_foreign(struct worker *w)
{
	static const char * const paths[] = {
		"/dev/null", "/dev/zero", "/proc/self/status", "/tmp",
		"/dev/vfio/vfio",
	};
	int foreign = open(paths[pick(w, 5)], O_RDONLY | O_CLOEXEC);
	int fd = any_fd(w), rc;
	uint64_t iova = any_iova(w);

	rc = CALL(w, iommu_ioas_map_file(fd, any_id(w, fd, IOAS), foreign, 0, PAGE,
					 IOMMU_R | IOMMU_FIXED, &iova));
	if (w->loose.fd >= 0)
		rc = vfio_bind(w->loose.fd, foreign, NULL);
	iommu_destroy(foreign, 1);
	close(foreign);
	return rc;
}

static uint64_t any_word(struct worker *w, int fd)
{
	static const uint64_t odd[] = {
		0, 1, 8, 0xfff, 0x1000, UINT64_MAX, UINT64_MAX - 0xfff,
		1ULL << 63, UINT32_MAX,
	};

	switch (pick(w, 5)) {
	case 0:
		return odd[pick(w, sizeof(odd) / sizeof(odd[0]))];
	case 1:
		return iommu_ptr(any_va(w));
	case 2:
		return any_id(w, fd, pick(w, NR_THINGS)) |
		       (uint64_t)any_id(w, fd, pick(w, NR_THINGS)) << 32;
	case 3:
		return pick(w, 64) | (uint64_t)pick(w, 8) << 32;
	default:
		return any_id(w, fd, pick(w, NR_THINGS));
	}
}

/* Any number of a command, with a structure of any length and contents. */
int act_garbage(struct worker *w)
{
	unsigned int nr = chance(w, 60) ? 0x80 + pick(w, 0x15) :
					  0xc0 + pick(w, 10);
	union {
		uint64_t words[24];
		uint32_t halves[48];
	} arg = { };
	int fd = any_fd(w);
	unsigned int i, n = pick(w, 14);

	for (i = 0; i < n; i++)
		arg.words[i] = any_word(w, fd);
	/* Most often a length that is right for something. */
	arg.halves[0] = chance(w, 80) ? 8 * (1 + pick(w, 10)) :
					random_next(&w->random);
	if (chance(w, 70))
		arg.halves[1] = pick(w, 4);
	about(w, nr, arg.words[0]);
	return CALL(w, iommu_cmd(fd, _IO(IOMMUFD_TYPE, nr), &arg));
}

/* In a checked context, among those who know what is theirs: with IDs of its own. */
int act_guest_context(struct worker *w)
{
	int fd = world->contexts[pick(w, NR_CHECKED)], queue, rc;
	uint64_t iova = any_iova(w);
	uint32_t id;

	rc = CALL(w, iommu_ioas_alloc(fd, &id));
	if (rc)
		return rc;
	CALL(w, iommu_ioas_map(fd, id, any_va(w), any_length(w),
			       pick_perm(w) | IOMMU_FIXED, &iova));
	if (chance(w, 50))
		CALL(w, iommu_unmap_all(fd, id, NULL));
	if (iommu_destroy(fd, id))
		return -EBUSY;
	rc = CALL(w, iommu_eventq_alloc(fd, 0, 4, &id, &queue));
	if (rc)
		return rc;
	close(queue);
	return iommu_destroy(fd, id);
}
