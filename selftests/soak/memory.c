// SPDX-License-Identifier: GPL-2.0-only
/* Memory that changes behind a mapping. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "action.h"
#include "inject.h"
#include "iommu.h"
#include "mem.h"
#include "probe.h"
#include "report.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

enum source { ANON, SHARED, THP, MEMFD, HUGETLB, NR_SOURCES };

/**
 * struct visitor - memory that is mapped for one action
 * @source: where it is from
 * @va: this process has it here; NULL: not any more
 * @size: bytes
 * @file: of a file, or -1
 * @at: its IOVA
 * @same: the device has the same pages as this process
 */
struct visitor {
	enum source source;
	char *va;
	size_t size;
	int file;
	uint64_t at;
	bool same;
};

static int visitor_open(struct worker *w, struct visitor *v, uint64_t at)
{
	*v = (struct visitor) {
		.source = pick(w, NR_SOURCES),
		.size = (1 + pick(w, 8)) * PAGE,
		.file = -1,
		.at = at,
		.same = true,
	};
	switch (v->source) {
	case ANON:
		v->va = mem_anon(v->size);
		break;
	case SHARED:
		v->va = mem_shared(v->size);
		break;
	case THP:
		v->size = MEM_HUGE;
		v->va = mem_thp(v->size);
		break;
	case MEMFD:
		v->file = mem_memfd(v->size, MFD_ALLOW_SEALING);
		break;
	default:
		v->size = MEM_HUGE;
		v->file = mem_memfd_hugetlb(v->size);
		break;
	}
	if (v->file >= 0)
		v->va = mem_map_file(v->file, 0, v->size);
	return v->va ? 0 : -ENOMEM;
}

static void visitor_close(struct visitor *v)
{
	mem_free(v->va, v->size);
	if (v->file >= 0)
		close(v->file);
}

static void child_and_writes(struct visitor *v)
{
	pid_t pid = fork();

	if (!pid) {
		memset(v->va, 0xc1, PAGE);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void move(struct visitor *v)
{
	void *to = mremap(v->va, v->size, v->size, MREMAP_MAYMOVE |
			  MREMAP_FIXED, (char *)mem_reserve(v->size));

	if (to != MAP_FAILED)
		v->va = to;
}

/* Punch a hole, or cut the file off, and let it grow again. */
static void empty_file(struct worker *w, struct visitor *v)
{
	if (chance(w, 50)) {
		fallocate(v->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  0, v->size);
	} else if (!ftruncate(v->file, 0) && ftruncate(v->file, v->size)) {
		mem_free(v->va, v->size);
		v->va = NULL;
	}
	v->same = false;
}

/* Something happens to the memory that is not the module's doing. */
static void disturb(struct worker *w, struct visitor *v)
{
	unsigned int what = pick(w, 8);

	about(w, v->source, what);
	switch (what) {
	case 0:
		mem_free(v->va, v->size);
		v->va = NULL;
		break;
	case 1:
		madvise(v->va, v->size, MADV_DONTNEED);
		/* Only a file, or shared memory, still has the pages. */
		v->same = v->file >= 0 || v->source == SHARED;
		break;
	case 2:
		if (v->source != HUGETLB)
			move(v);
		break;
	case 3:
		if (w->may_fork && v->file < 0 && v->source != SHARED)
			child_and_writes(v);
		break;
	case 4:
		if (v->file >= 0)
			empty_file(w, v);
		break;
	case 5:
		mprotect(v->va, v->size, PROT_NONE);
		mprotect(v->va, v->size, PROT_READ | PROT_WRITE);
		break;
	case 6:
		madvise(v->va, v->size, MADV_PAGEOUT);
		madvise(v->va, v->size, MADV_NOHUGEPAGE);
		break;
	default:
		if (v->file >= 0)
			fcntl(v->file, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_WRITE);
		break;
	}
}

static int map_visitor(struct worker *w, struct space *s,
		       const struct visitor *v)
{
	if (v->file >= 0 && chance(w, 50))
		return CALL(w, iommu_map_file_fixed(w->context, s->ioas, v->file,
						    0, v->size, IOMMU_RW,
						    v->at));
	return CALL(w, iommu_map_fixed(w->context, s->ioas, v->va, v->size,
				       IOMMU_RW, v->at));
}

/* Through @view: what was pinned stays, whatever has become of the process's pages. */
static int look_through(struct worker *w, const struct view *view,
			struct visitor *v)
{
	struct dma dma = probe_dma(w, view);
	int rc = probe_memory(w, &dma, v->at, v->va);

	if (rc)
		return rc;
	disturb(w, v);
	if (v->va && v->same)
		return probe_memory(w, &dma, v->at, v->va);
	rc = dma_fill(&dma, v->at, PAGE, ++w->fresh);
	if (rc)
		return broken(w, "memory of kind %d that is pinned: %d",
			      v->source, rc);
	if (v->va && *(uint64_t *)v->va == w->fresh)
		return broken(w, "memory of kind %d: not pinned, but written to",
			      v->source);
	return 0;
}

int act_memory(struct worker *w)
{
	struct space *s = &w->spaces[NR_SHARED + pick(w, 2)];
	const struct view *view = pick_view(w, s);
	struct visitor v;
	int rc;

	rc = visitor_open(w, &v, s->at + VISITORS_AT);
	if (!rc)
		rc = map_visitor(w, s, &v);
	if (rc) {
		visitor_close(&v);
		return rc == -ENOMEM || excused(w, rc) ? rc :
		       broken(w, "map of memory of kind %d: %d", v.source, rc);
	}
	if (view)
		rc = look_through(w, view, &v);
	else
		disturb(w, &v);
	if (!rc) {
		rc = CALL(w, iommu_ioas_unmap(w->context, s->ioas, v.at, v.size,
					      NULL));
		if (rc)
			broken(w, "unmap of memory of kind %d: %d", v.source, rc);
	}
	if (!rc && view) {
		struct dma dma = probe_dma(w, view);

		rc = probe_silence(w, &dma, v.at, v.va);
	}
	visitor_close(&v);
	return rc;
}

/* Another process takes over what was mapped from files, and pays for it. */
static int take_over(int fd, uint32_t ioas)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		int rc = iommu_change_process(fd);

		if (!rc)
			rc = iommu_unmap_all(fd, ioas, NULL);
		_exit(rc ? 1 : 0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return -ECHILD;
	return 0;
}

int act_change_process(struct worker *w)
{
	int fd, file, rc;
	uint32_t ioas;

	if (!w->may_fork)
		return NOTHING_TO_DO;
	fd = iommu_open();
	if (fd < 0)
		return fd;
	file = mem_memfd(4 * PAGE, 0);
	rc = iommu_ioas_alloc(fd, &ioas);
	if (!rc)
		rc = iommu_map_file_fixed(fd, ioas, file, 0, 4 * PAGE, IOMMU_RW,
					  0x10000);
	rc = rc ?: take_over(fd, ioas);
	close(file);
	close(fd);
	return rc ? broken(w, "change of the process: %d", rc) : 0;
}

/* Allowed ranges, and addresses that the kernel chooses among them. */
int act_allow(struct worker *w)
{
	struct iommu_iova_range range = {
		.start = 0x1000000 * (1ULL + pick(w, 64)),
	};
	uint64_t iova = 0;
	uint32_t ioas;
	int rc;

	range.last = range.start + 16 * PAGE - 1;
	rc = CALL(w, iommu_ioas_alloc(w->context, &ioas));
	if (rc)
		return excused(w, rc) ? rc : broken(w, "IOAS: %d", rc);
	rc = CALL(w, iommu_allow_iovas(w->context, ioas, &range, 1));
	if (!rc)
		rc = CALL(w, iommu_map_auto(w->context, ioas, w->arena.va,
					    2 * PAGE, IOMMU_RW, &iova));
	if (rc && !excused(w, rc))
		broken(w, "map in an allowed range: %d", rc);
	if (!rc && (iova < range.start || iova + 2 * PAGE - 1 > range.last))
		rc = broken(w, "mapped at 0x%llx, outside of what is allowed",
			    (unsigned long long)iova);
	if (!rc && chance(w, 50))
		rc = iommu_option_set(w->context, IOMMU_OPTION_HUGE_PAGES, ioas,
				      0);
	if (CALL(w, iommu_destroy(w->context, ioas)))
		return broken(w, "destroy of IOAS %u", ioas);
	return rc == -EINVAL || rc == -EADDRINUSE ? 0 : rc;
}
