// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that are killed in the middle of their work. What they had mapped is
 * memory shared with this process, which sees whether devices still write to it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "action.h"
#include "inject.h"
#include "iommu.h"
#include "iosim.h"
#include "kill.h"
#include "mem.h"
#include "report.h"

#define PAGES 32U
#define AT 0x10000000ULL
#define CANARY 0xce
/* So many steps at the most; then it is killed. */
#define LIFE 40U

/* The victim's memory, and where its completions arrive. */
static char *memory;

/* A device that does nothing but write there. */
static int victim_prepare(struct worker *w, struct dma *dma,
			  struct engine *engine, uint32_t *ioas)
{
	int fd = iommu_open(), rc;

	if (fd < 0)
		return fd;
	w->loose_fd = fd;
	rc = iommu_ioas_alloc(fd, ioas) ?:
	     iommu_map_fixed(fd, *ioas, memory, PAGES * PAGE, IOMMU_RW, AT) ?:
	     engine_open_name(engine, VICTIM_ENGINE, fd) ?:
	     vfio_attach(engine->fd, *ioas, NULL);
	*dma = (struct dma) {
		.engine = engine,
		.pasid = ENGINE_NO_PASID,
		.done = (void *)memory,
		.done_iova = AT,
	};
	return rc;
}

static void victim(struct worker *w, int told)
{
	struct engine engine = { .fd = -1, .irq = -1 };
	struct dma dma;
	uint32_t ioas;
	char byte = 0;
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	inject_open(w);
	coverage_open(&w->coverage);
	w->kind = CHAOS;
	rc = victim_prepare(w, &dma, &engine, &ioas);
	if (rc)
		broken(w, "a process that is to be killed: %d", rc);
	while (write(told, &byte, 1) == 1) {
		struct iosim_desc desc =
			dma_desc_fill(AT + PAGE, (PAGES - 1) * PAGE, w->step);

		dma_start(&dma, &desc);
		action_step(w);
	}
	_exit(0);
}

/* A context of which only the descriptor is left: by somebody without privileges. */
static void victim_user(struct worker *w, int told)
{
	int fd = iommu_open();
	uint32_t ioas = 0;
	char byte = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	coverage_open(&w->coverage);
	if (mem_become_user(1000, (4 + pick(w, PAGES)) * PAGE))
		_exit(1);
	iommu_ioas_alloc(fd, &ioas);
	while (write(told, &byte, 1) == 1) {
		unsigned int page = pick(w, PAGES);
		uint64_t iova = AT + page * PAGE;

		if (chance(w, 60))
			iommu_map_fixed(fd, ioas, memory + page * PAGE,
					(1 + pick(w, PAGES - page)) * PAGE,
					IOMMU_RW, iova);
		else
			iommu_ioas_unmap(fd, ioas, iova, PAGE, NULL);
		coverage_take(&w->coverage);
	}
	_exit(0);
}

/* Runs it until it has done so many steps. */
static int kill_after(struct worker *w, unsigned int steps,
		      void (*body)(struct worker *w, int told))
{
	struct worker child = *w;
	char byte;
	int told[2];
	pid_t pid;

	if (pipe(told))
		return -errno;
	random_seed(&child.random, random_next(&w->random), 0);
	pid = fork();
	if (!pid) {
		close(told[0]);
		body(&child, told[1]);
	}
	close(told[1]);
	/* Until it is dead, for any reason, there is something to read. */
	while (pid > 0 && steps-- && read(told[0], &byte, 1) == 1)
		;
	close(told[0]);
	if (pid < 0)
		return -EAGAIN;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	__atomic_add_fetch(&world->kills, 1, __ATOMIC_RELAXED);
	return 0;
}

static int prepare(void)
{
	if (!memory)
		memory = mem_shared(PAGES * PAGE);
	return memory ? 0 : -ENOMEM;
}

/* Nobody but this process has the memory now. */
static int check_memory(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < PAGES * PAGE; i++)
		if ((uint8_t)memory[i] != CANARY)
			return broken(w, "memory of a dead process: byte %u is 0x%02x",
				      i, (uint8_t)memory[i]);
	return 0;
}

int act_kill(struct worker *w)
{
	struct engine engine;
	int rc, fd;

	rc = prepare() ?: kill_after(w, 1 + pick(w, LIFE), victim);
	if (rc)
		return rc;
	memset(memory, CANARY, PAGES * PAGE);
	/* Its device is free again, and has nothing left to do. */
	fd = iommu_open();
	rc = engine_open_name(&engine, VICTIM_ENGINE, fd);
	if (!rc)
		rc = engine_wait_idle(&engine);
	engine_close(&engine);
	close(fd);
	return rc ? broken(w, "the device of a dead process: %d", rc) :
		    check_memory(w);
}

int act_kill_user(struct worker *w)
{
	return prepare() ?: kill_after(w, 1 + pick(w, LIFE), victim_user);
}
