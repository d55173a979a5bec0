// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors that are closed and processes that fork, exec, exit or are killed while
 * other threads work on the same things.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>

#include "threads.h"

/* The descriptor is closed while others are inside of a command. */
static void close_step(struct worker *w, unsigned int i)
{
	struct shared *sh = w->sh;
	uint64_t iova;
	uint32_t id;

	if (!w->nr) {
		int new = iommu_open();

		if (new < 0) {
			complain(sh, new);
			return;
		}
		/* The number stays, what is behind it changes */
		if (dup3(new, sh->fd, O_CLOEXEC) < 0)
			complain(sh, -errno);
		close(new);
		return;
	}
	if (iommu_ioas_alloc(sh->fd, &id))
		return;
	ALLOW(sh, iommu_map_auto(sh->fd, id, sh->buf, BUF, IOMMU_RW, &iova),
	      0, -ENOENT, -EBADF);
	if (i % 2)
		ALLOW(sh, iommu_destroy(sh->fd, id), 0, -ENOENT, -EBUSY,
		      -EBADF);
}

TEST_F(race, close)
{
	struct shared *sh = &self->sh;
	unsigned int i;

	/* It is about another context than that of the accesses */
	for (i = 0; i < ARRAY_SIZE(sh->acc); i++) {
		if (sh->acc[i] >= 0)
			close(sh->acc[i]);
		sh->acc[i] = -1;
	}
	ASSERT_EQ(0, race_alike(sh, close_step));
	close(sh->fd);
	sh->fd = -1;
}

/* A child has the descriptors too, and for a moment the memory. */
static void fork_step(struct worker *w, unsigned int i)
{
	int status;
	pid_t pid;

	if (i >= w->sh->steps / 20)
		return;
	pid = fork();
	if (!pid) {
		w->sh->buf[pick(w, BUF)] = 1;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		complain(w->sh, pid);
}

TEST_F(race, fork)
{
	const step_fn steps[] = { fork_step, own_step, own_step, own_step };

	ASSERT_EQ(0, race(&self->sh, steps, ARRAY_SIZE(steps)));
}

/*
 * A process that ends while its threads are in the middle of everything. One
 * of them tells of each of its steps, so that it can be hit at another moment
 * each time; after the last one the process ends itself.
 */
static void told_step(struct worker *w, unsigned int i)
{
	if (write(w->sh->out, "", 1) != 1)
		_exit(2);
	if (i == w->sh->last)
		w->sh->end();
	any_step(w, i);
}

static int doomed(int out, unsigned int last, void (*end)(void))
{
	struct shared sh = { .steps = UINT32_MAX, .out = out, .last = last,
			     .end = end };
	const step_fn steps[] = { told_step, any_step, any_step, any_step };
	unsigned int i;

	/* A context of its own, which nobody else keeps */
	sh.fd = iommu_open();
	if (sh.fd < 0 || iommu_ioas_alloc(sh.fd, &sh.id) ||
	    iommu_ioas_alloc(sh.fd, &sh.other))
		return 3;
	for (i = 0; i < ARRAY_SIZE(sh.acc); i++)
		sh.acc[i] = access_why_not() ?
				    -1 : access_open_attached(sh.fd, sh.id);
	sh.buf = mem_anon(BUF);
	return race(&sh, steps, ARRAY_SIZE(steps)) ? 4 : 5;
}

static void end_by_exit(void)
{
	_exit(0);
}

static void end_by_exec(void)
{
	int null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO);
	execl("/proc/self/exe", "threads", "-h", NULL);
	_exit(6);
}

static void end_by_signal(void)
{
	/* The parent's SIGKILL is on its way */
	pause();
}

static int hear(int in, unsigned int n)
{
	struct pollfd p = { .fd = in, .events = POLLIN };
	char c;

	while (n--)
		if (poll(&p, 1, 10000) != 1 || read(in, &c, 1) != 1)
			return -EPIPE;
	return 0;
}

/* The wait status of a process that was ended after so many steps. */
static int doom(unsigned int steps, void (*end)(void))
{
	int status, to[2];
	pid_t pid;

	if (pipe(to))
		return -errno;
	pid = fork();
	if (!pid) {
		close(to[0]);
		_exit(doomed(to[1], end == end_by_signal ? UINT32_MAX : steps,
			     end));
	}
	close(to[1]);
	if (hear(to[0], steps))
		fprintf(stderr, "# child did not get far\n");
	if (end == end_by_signal)
		kill(pid, SIGKILL);
	else
		hear(to[0], 1);
	if (waitpid(pid, &status, 0) != pid)
		status = -ECHILD;
	close(to[0]);
	return status;
}

TEST_F(race, kill)
{
	unsigned int i;

	for (i = 1; i <= self->rounds; i++) {
		EXPECT_EQ(SIGKILL, doom(i, end_by_signal));
	}
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

TEST_F(race, exit)
{
	unsigned int i;

	for (i = 1; i <= self->rounds; i++) {
		EXPECT_EQ(0, doom(i, end_by_exit));
	}
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

TEST_F(race, exec)
{
	unsigned int i;

	for (i = 1; i <= self->rounds; i++) {
		/* A program that only shows its usage says that it skipped */
		EXPECT_EQ(KSFT_SKIP << 8, doom(i, end_by_exec));
	}
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

ACCESS_HARNESS_MAIN
