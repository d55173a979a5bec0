// SPDX-License-Identifier: GPL-2.0-only
/*
 * The legacy container charges the process that maps. What is pinned when the process
 * has gone is its user's: nobody gets round RLIMIT_MEMLOCK by many short lives.
 *
 * All children are of one user without capabilities, with a limit of LIMIT pages. They
 * share the file and the access of the test, or open some for themselves.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "child.h"
#include "compat.h"
#include "file.h"
#include "hold.h"
#include "mem.h"

#include "access.h"

#define LIMIT 16UL
#define BYTES (LIMIT * PAGE)
#define USER 1234
#define AFTER_EXEC "after-exec"
#define AFTER_EXEC_EXITING "after-exec-exiting"
#define STEP ((uint64_t)0x100000)

/**
 * struct space - an IOAS that is a legacy container's, too, and who pins in it
 */
struct space {
	int fd;
	uint32_t ioas;
	int acc;
};

static int space_open(struct space *s)
{
	int rc;

	s->fd = iommu_open();
	if (s->fd < 0)
		return s->fd;
	rc = iommu_ioas_alloc(s->fd, &s->ioas) ?:
		     iommu_vfio_ioas_set(s->fd, s->ioas);
	if (rc)
		return rc;
	s->acc = access_open_attached(s->fd, s->ioas);
	return s->acc < 0 ? s->acc : 0;
}

static void space_close(struct space *s)
{
	close(s->acc);
	close(s->fd);
}

/* Map and pin, charged to the process, or to the user. */
static int pin_dma(const struct space *s, uint64_t iova, unsigned long npages)
{
	return dma_map(s->fd, mem_anon(npages * PAGE), iova, npages * PAGE) ?:
		       access_pin(s->acc, iova, npages * PAGE, 0);
}

static int pin_map(const struct space *s, uint64_t iova, unsigned long npages)
{
	return iommu_map_fixed(s->fd, s->ioas, mem_anon(npages * PAGE),
			       npages * PAGE, IOMMU_RW, iova) ?:
		       access_pin(s->acc, iova, npages * PAGE, 0);
}

static int unmap(const struct space *s, uint64_t iova)
{
	return iommu_ioas_unmap(s->fd, s->ioas, iova, STEP, NULL);
}

FIXTURE(tally) {
	struct space s;
	long pinned;
};

FIXTURE_SETUP(tally)
{
	NEED_ACCESS;
	self->pinned = mem_pinned();
	ASSERT_EQ(0, space_open(&self->s));
}

FIXTURE_TEARDOWN(tally)
{
	space_close(&self->s);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

/* What a child does: pins, or cannot for want of memory, and exits at once. */
struct life {
	const struct space *s;
	int (*pin)(const struct space *s, uint64_t iova, unsigned long npages);
	uint64_t iova;
	unsigned long npages;
	int want;
};

/* As the user that its parent is already */
static void live_on(void *arg)
{
	const struct life *life = arg;

	CHILD_EQ(life->want, life->pin(life->s, life->iova, life->npages));
}

static void live(void *arg)
{
	CHILD_EQ(0, mem_become_user(USER, BYTES));
	live_on(arg);
}

static int run_as(const struct space *s, void (*how)(void *arg),
		  int (*pin)(const struct space *s, uint64_t iova,
			     unsigned long npages),
		  uint64_t iova, unsigned long npages, int want)
{
	struct life life = { s, pin, iova, npages, want };

	return child_run(how, &life);
}

#define run(s, ...) run_as(s, live, __VA_ARGS__)

TEST_F(tally, many_that_exit)
{
	uint64_t iova = AT;
	int i;

	ASSERT_EQ(0, run(&self->s, pin_dma, iova, LIMIT, 0));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, run(&self->s, pin_dma, iova += STEP, LIMIT,
				 -ENOMEM));
	/* Not a single page, in whichever way */
	EXPECT_EQ(0, run(&self->s, pin_dma, iova += STEP, 1, -ENOMEM));
	EXPECT_EQ(0, run(&self->s, pin_map, iova += STEP, 1, -ENOMEM));
	EXPECT_EQ(self->pinned + (long)LIMIT, mem_pinned());
	/* Until some of it goes */
	ASSERT_EQ(0, unmap(&self->s, AT));
	EXPECT_EQ(0, run(&self->s, pin_dma, iova += STEP, LIMIT, 0));
}

/* What has been left counts for the user first of all. */
TEST_F(tally, left_to_the_user)
{
	ASSERT_EQ(0, run(&self->s, pin_dma, AT, LIMIT / 2, 0));
	EXPECT_EQ(0, run(&self->s, pin_map, AT + STEP, LIMIT / 2 + 1,
			 -ENOMEM));
	EXPECT_EQ(0, run(&self->s, pin_map, AT + 2 * STEP, LIMIT / 2, 0));
	EXPECT_EQ(0, run(&self->s, pin_map, AT + 3 * STEP, 1, -ENOMEM));
	/* Another user has nothing to do with it. */
	EXPECT_EQ(0, pin_dma(&self->s, AT + 4 * STEP, 1));
}

/* A child that runs itself again, as another program, with the same descriptors. */
static void exec_as(const struct space *s, const char *what)
{
	char fd[16], acc[16], ioas[16];

	CHILD_EQ(0, mem_become_user(USER, BYTES));
	CHILD_EQ(0, pin_dma(s, AT, LIMIT));
	CHILD_EQ(0, fcntl(s->fd, F_SETFD, 0));
	CHILD_EQ(0, fcntl(s->acc, F_SETFD, 0));
	snprintf(fd, sizeof(fd), "%d", s->fd);
	snprintf(acc, sizeof(acc), "%d", s->acc);
	snprintf(ioas, sizeof(ioas), "%u", s->ioas);
	execl("/proc/self/exe", "tally", what, fd, acc, ioas, NULL);
	_exit(1);
}

static void exec_with_pins(void *arg)
{
	exec_as(arg, AFTER_EXEC);
}

static void after_exec(const struct space *s)
{
	CHILD_EQ(-ENOMEM, pin_dma(s, AT + STEP, 1));
	CHILD_EQ(-ENOMEM, pin_map(s, AT + 2 * STEP, 1));
	CHILD_EQ(0, unmap(s, AT));
	CHILD_EQ(0, pin_dma(s, AT + 3 * STEP, LIMIT));
}

TEST_F(tally, exec)
{
	EXPECT_EQ(0, child_run(exec_with_pins, &self->s));
	EXPECT_EQ(self->pinned + (long)LIMIT, mem_pinned());
}

/**
 * struct exiting - a thread that exits, and cannot close its files
 * @pipe: it has the last descriptor of the end to write to
 * @hold: where somebody reads from the pipe into, with the lock of the pipe
 * @tid: the thread, when it has files of its own
 * @go: it may exit
 */
struct exiting {
	int pipe[2];
	struct hold hold;
	volatile pid_t tid;
	volatile bool go;
};

static void *exit_with_files(void *arg)
{
	struct exiting *e = arg;

	CHILD_EQ(0, unshare(CLONE_FILES));
	e->tid = syscall(SYS_gettid);
	while (!e->go)
		sched_yield();
	syscall(SYS_exit, 0);
	return NULL;
}

static void *read_and_hold(void *arg)
{
	struct exiting *e = arg;

	CHILD_EQ(1, read(e->pipe[0], e->hold.page, 1));
	return NULL;
}

/* It is there, without an address space. */
static bool is_exiting(pid_t tid)
{
	char path[64], text[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHILD_EQ(true, fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	CHILD_EQ(true, n > 0);
	text[n] = 0;
	return !strstr(text, "VmSize");
}

/* A thread of the new program that is on its way out is not the old program. */
static void after_exec_exiting(const struct space *s)
{
	pthread_t exiting, reader;
	struct exiting e = {};

	CHILD_EQ(0, pipe2(e.pipe, O_CLOEXEC));
	CHILD_EQ(0, hold_open(&e.hold));
	CHILD_EQ(1, write(e.pipe[1], "", 1));
	CHILD_EQ(0, pthread_create(&exiting, NULL, exit_with_files, &e));
	while (!e.tid)
		sched_yield();
	close(e.pipe[1]);
	CHILD_EQ(0, pthread_create(&reader, NULL, read_and_hold, &e));
	CHILD_EQ(true, hold_wait(&e.hold, -1));
	e.go = true;
	while (!is_exiting(e.tid))
		sched_yield();

	CHILD_EQ(-ENOMEM, pin_dma(s, AT + 4 * STEP, 1));
	CHILD_EQ(-ENOMEM, pin_map(s, AT + 5 * STEP, 1));
	CHILD_EQ(true, is_exiting(e.tid));
	CHILD_EQ(0, hold_release(&e.hold));
	CHILD_EQ(0, pthread_join(reader, NULL));
	CHILD_EQ(0, pthread_join(exiting, NULL));
	after_exec(s);
}

static void exec_with_pins_exiting(void *arg)
{
	exec_as(arg, AFTER_EXEC_EXITING);
}

TEST_F(tally, exec_and_a_thread_that_exits)
{
	/* In system calls, too. */
	ASSERT_EQ(0, file_write("/proc/sys/vm/unprivileged_userfaultfd", "1"));
	EXPECT_EQ(0, child_run(exec_with_pins_exiting, &self->s));
	EXPECT_EQ(self->pinned + (long)LIMIT, mem_pinned());
	EXPECT_EQ(0, file_write("/proc/sys/vm/unprivileged_userfaultfd", "0"));
}

/* A guest, as with type1: exactly its limit, again and again, and no page more. */
static void guest(void *arg)
{
	const struct space *s = arg;
	int i;

	CHILD_EQ(0, mem_become_user(USER, BYTES));
	for (i = 0; i < 3; i++) {
		CHILD_EQ(0, pin_dma(s, AT, LIMIT));
		CHILD_EQ(LIMIT, mem_vm_lck(0));
		CHILD_EQ(-ENOMEM, pin_dma(s, AT + STEP, 1));
		CHILD_EQ(0, unmap(s, AT));
		CHILD_EQ(0, unmap(s, AT + STEP));
		CHILD_EQ(0, mem_wait_vm_lck(0));
	}
}

TEST_F(tally, one_process_has_its_limit)
{
	EXPECT_EQ(0, child_run(guest, &self->s));
}

/* The user's limit and the process's are two, as those of io_uring and mlock() are. */
static void both(void *arg)
{
	const struct space *s = arg;

	CHILD_EQ(0, mem_become_user(USER, BYTES));
	CHILD_EQ(0, pin_map(s, AT, LIMIT));
	CHILD_EQ(0, pin_dma(s, AT + STEP, LIMIT));
	CHILD_EQ(-ENOMEM, pin_map(s, AT + 2 * STEP, 1));
	CHILD_EQ(-ENOMEM, pin_dma(s, AT + 3 * STEP, 1));
}

TEST_F(tally, two_charges_in_one_process)
{
	EXPECT_EQ(0, child_run(both, &self->s));
	/* The one is inherited on top of the other. */
	EXPECT_EQ(0, run(&self->s, pin_map, AT + 4 * STEP, 1, -ENOMEM));
	ASSERT_EQ(0, unmap(&self->s, AT));
	EXPECT_EQ(0, run(&self->s, pin_map, AT + 5 * STEP, 1, -ENOMEM));
	EXPECT_EQ(0, run(&self->s, pin_dma, AT + 6 * STEP, 1, -ENOMEM));
}

/* Two guests of one user, as with type1: each of them has its limit. */
static void first_guest(void *arg)
{
	const struct space *s = arg;

	CHILD_EQ(0, mem_become_user(USER, BYTES));
	CHILD_EQ(0, pin_dma(s, AT, LIMIT));
	/* A second one, while this one is there */
	CHILD_EQ(0, run_as(s, live_on, pin_dma, AT + STEP, LIMIT, 0));
	/* That has gone, but not what it has pinned. */
	CHILD_EQ(-ENOMEM, pin_dma(s, AT + 2 * STEP, 1));
	CHILD_EQ(0, unmap(s, AT));
	CHILD_EQ(-ENOMEM, pin_dma(s, AT + 3 * STEP, 1));
	CHILD_EQ(0, unmap(s, AT + STEP));
	CHILD_EQ(0, pin_dma(s, AT + 4 * STEP, LIMIT));
}

TEST_F(tally, two_guests_of_one_user)
{
	EXPECT_EQ(0, child_run(first_guest, &self->s));
}

#define LARGE ((uint64_t)4 << 20)
#define MUCH ((uint64_t)64 << 20)

/* It has more memory than is pinned, which takes its time to go. */
static void large_guest(void *arg)
{
	struct space own;

	(void)arg;
	CHILD_EQ(0, space_open(&own));
	CHILD_EQ(0, mem_become_user(USER, LARGE));
	CHILD_EQ(0, pin_dma(&own, AT, LARGE / PAGE));
	CHILD_EQ(false, !mem_anon(MUCH));
}

/* Maps and unmaps until it is told to stop. */
static void small_guest(volatile bool *stop)
{
	struct space own;
	int n;

	CHILD_EQ(0, space_open(&own));
	CHILD_EQ(0, mem_become_user(USER, LARGE));
	for (n = 0; !*stop; n++) {
		CHILD_EQ(0, pin_dma(&own, AT, LIMIT));
		CHILD_EQ(0, unmap(&own, AT));
	}
	printf("# %d mappings beside the guests\n", n);
	fflush(stdout);
}

/*
 * A guest that is being shut down has no address space any more, but still has its
 * memory pinned. The one that runs beside it, or comes next, is not to pay for that.
 */
TEST_F(tally, beside_guests_that_exit)
{
	const int guests = mem_debug_kernel() ? 3 : 10;
	volatile bool *stop = mem_shared(PAGE);
	int i, status;
	pid_t pid;

	ASSERT_NE(NULL, (void *)stop);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		small_guest(stop);
		_exit(0);
	}
	for (i = 0; i < guests; i++)
		EXPECT_EQ(0, child_run(large_guest, NULL));
	*stop = true;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Descriptors are in the arguments. */
static int run_after_exec(char **argv)
{
	const struct space s = {
		.fd = atoi(argv[2]),
		.acc = atoi(argv[3]),
		.ioas = atoi(argv[4]),
	};

	if (!strcmp(argv[1], AFTER_EXEC))
		after_exec(&s);
	else
		after_exec_exiting(&s);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5)
		return run_after_exec(argv);
	access_module_load();
	return test_harness_run(argc, argv);
}
