// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose memory it is: limits of locked memory, per user and per process, and
 * what becomes of pinned memory when its process forks, execs, exits or is
 * killed.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>

#include "kselftest_harness.h"

#include "access.h"
#include "child.h"
#include "iommu.h"
#include "mem.h"

#define PAGE ((uint64_t)4096)
#define LIMIT 16			/* pages */
#define NPAGES 32
#define BUF (NPAGES * PAGE)
#define AT ((uint64_t)0x4000000)
#define USER 1234
#define OTHER_USER 1235
/* How a test asks its own program to go on after exec */
#define AFTER_EXEC "--after-exec"

#define NEED(cmd)							\
	do {								\
		if (!iommu_has_cmd(self->fd, cmd))			\
			SKIP(return, "no " #cmd " in this module");	\
	} while (0)

/* What tests and their children share. */
struct ctx {
	int fd;
	uint32_t id;
	uint32_t other;
	int acc;
	int mode;
	/* the child's: where it hears and tells */
	int in;
	int out;
	/* what a child shall do */
	uid_t uid;
	uint64_t limit;
	uint64_t at;
	uint64_t npages;
	int want;
	int file;
};

struct child {
	pid_t pid;
	int in;
	int out;
};

/* A child process that runs @fn with a copy of @ctx. */
static int child_start(struct child *c, const struct ctx *ctx,
		       int (*fn)(struct ctx *ctx))
{
	int to[2], from[2];
	struct ctx copy = *ctx;

	if (pipe(to) || pipe(from))
		return -errno;
	c->pid = fork();
	if (c->pid < 0)
		return -errno;
	if (!c->pid) {
		close(to[1]);
		close(from[0]);
		copy.in = to[0];
		copy.out = from[1];
		_exit(fn(&copy));
	}
	close(to[0]);
	close(from[1]);
	c->out = to[1];
	c->in = from[0];
	return 0;
}

/* One side says that it got somewhere, the other waits for that. */
static int tell(int fd)
{
	return write(fd, "", 1) == 1 ? 0 : -EPIPE;
}

static int hear(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	if (poll(&p, 1, 15000) != 1)
		return -ETIMEDOUT;
	return read(fd, &c, 1) == 1 ? 0 : -EPIPE;
}

/* The exit code, or 1000 + signal. */
static int child_join(struct child *c)
{
	int status;

	close(c->out);
	close(c->in);
	if (waitpid(c->pid, &status, 0) != c->pid)
		return -ECHILD;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   1000 + WTERMSIG(status);
}

static int child_kill(struct child *c)
{
	kill(c->pid, SIGKILL);
	return child_join(c);
}

static int run(const struct ctx *ctx, int (*fn)(struct ctx *ctx))
{
	struct child c;
	int rc = child_start(&c, ctx, fn);

	return rc ? rc : child_join(&c);
}

static int ctx_open(struct ctx *ctx, int mode)
{
	int rc;

	memset(ctx, 0, sizeof(*ctx));
	ctx->mode = mode;
	ctx->uid = USER;
	ctx->limit = LIMIT;
	ctx->at = AT;
	ctx->npages = LIMIT;
	ctx->fd = iommu_open();
	if (ctx->fd < 0)
		return ctx->fd;
	rc = iommu_option_set(ctx->fd, IOMMU_OPTION_RLIMIT_MODE, 0, mode);
	if (!rc)
		rc = iommu_ioas_alloc(ctx->fd, &ctx->id);
	if (!rc)
		rc = iommu_ioas_alloc(ctx->fd, &ctx->other);
	if (rc)
		return rc;
	ctx->acc = access_open_attached(ctx->fd, ctx->id);
	return ctx->acc < 0 ? ctx->acc : 0;
}

FIXTURE(account) {
	struct ctx ctx;
	int fd;
	int acc;
	long pinned;
};

FIXTURE_VARIANT(account) {
	/* as in OPTION_RLIMIT_MODE */
	int mode;
};

FIXTURE_VARIANT_ADD(account, by_user) { .mode = 0 };
FIXTURE_VARIANT_ADD(account, by_process) { .mode = 1 };

FIXTURE_SETUP(account)
{
	NEED_ACCESS;
	self->pinned = mem_pinned();
	ASSERT_EQ(0, ctx_open(&self->ctx, variant->mode));
	self->fd = self->ctx.fd;
	self->acc = self->ctx.acc;
}

FIXTURE_TEARDOWN(account)
{
	close(self->acc);
	close(self->fd);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

static int check_accounted(struct ctx *ctx, long npages)
{
	CHILD_EQ(npages, mem_vm_pin(0));
	npages = ctx->mode ? npages : 0;
	CHILD_EQ(npages, mem_wait_vm_lck(npages));
	/* Whoever has changed that has left the lock as it was. */
	CHILD_EQ(0, access_mmap_odd(ctx->acc));
	return 0;
}

static int limit(struct ctx *ctx)
{
	char *buf;

	CHILD_EQ(0, mem_become_user(ctx->uid, LIMIT * PAGE));
	buf = mem_anon(BUF);
	/* Mapping is free, as nothing gets pinned */
	CHILD_EQ(0, iommu_map_fixed(ctx->fd, ctx->id, buf, BUF, IOMMU_RW, AT));
	CHILD_EQ(0, check_accounted(ctx, 0));
	CHILD_EQ(0, access_pin(ctx->acc, AT, LIMIT * PAGE, 0));
	CHILD_EQ(0, check_accounted(ctx, LIMIT));
	/* Full; but what is pinned costs nothing more */
	CHILD_EQ(-ENOMEM, access_pin(ctx->acc, AT + LIMIT * PAGE, PAGE, 0));
	CHILD_EQ(0, access_pin(ctx->acc, AT + PAGE, PAGE, 0));
	CHILD_EQ(0, access_unpin(ctx->acc, AT + PAGE, PAGE));
	CHILD_EQ(0, check_accounted(ctx, LIMIT));
	CHILD_EQ(0, access_unpin(ctx->acc, AT, LIMIT * PAGE));
	CHILD_EQ(0, check_accounted(ctx, 0));
	/* It is reached in the middle: nothing of it remains */
	CHILD_EQ(-ENOMEM, access_pin(ctx->acc, AT, BUF, 0));
	CHILD_EQ(0, check_accounted(ctx, 0));
	CHILD_EQ(-ENOMEM, access_pin(ctx->acc, AT, (LIMIT + 1) * PAGE, 0));
	CHILD_EQ(0, check_accounted(ctx, 0));
	CHILD_EQ(0, access_pin(ctx->acc, AT + PAGE, LIMIT * PAGE, 0));
	CHILD_EQ(0, check_accounted(ctx, LIMIT));
	CHILD_EQ(0, iommu_ioas_unmap(ctx->fd, ctx->id, AT, BUF, NULL));
	CHILD_EQ(0, check_accounted(ctx, 0));
	return 0;
}

TEST_F(account, limit)
{
	EXPECT_EQ(0, run(&self->ctx, limit));
	EXPECT_EQ(self->pinned, mem_pinned());
}

static int privileged(struct ctx *ctx)
{
	char *buf = mem_anon(BUF);

	CHILD_EQ(0, mem_set_memlock(0));
	CHILD_EQ(0, iommu_map_fixed(ctx->fd, ctx->id, buf, BUF, IOMMU_RW, AT));
	CHILD_EQ(0, access_pin(ctx->acc, AT, BUF, 0));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
	CHILD_EQ(0, access_unpin(ctx->acc, AT, BUF));
	CHILD_EQ(0, mem_vm_pin(0));
	CHILD_EQ(0, mem_wait_vm_lck(0));
	return 0;
}

/* CAP_IPC_LOCK is for those who shall have no limit. */
TEST_F(account, privileged)
{
	EXPECT_EQ(0, run(&self->ctx, privileged));
}

static int copies(struct ctx *ctx)
{
	char *buf;
	int acc = access_open_attached(ctx->fd, ctx->other);

	CHILD_EQ(true, acc >= 0);
	CHILD_EQ(0, mem_become_user(ctx->uid, LIMIT * PAGE));
	buf = mem_anon(BUF);
	CHILD_EQ(0, iommu_map_fixed(ctx->fd, ctx->id, buf, LIMIT * PAGE,
				    IOMMU_RW, AT));
	CHILD_EQ(0, access_pin(ctx->acc, AT, LIMIT * PAGE, 0));
	/* Copies are the same memory, */
	CHILD_EQ(0, iommu_copy_fixed(ctx->fd, ctx->other, ctx->id, AT,
				     LIMIT * PAGE, IOMMU_RW, AT));
	CHILD_EQ(0, access_pin(acc, AT, LIMIT * PAGE, 0));
	CHILD_EQ(0, check_accounted(ctx, LIMIT));
	/* in whichever order they go */
	CHILD_EQ(0, iommu_ioas_unmap(ctx->fd, ctx->id, AT, LIMIT * PAGE,
				     NULL));
	CHILD_EQ(0, check_accounted(ctx, LIMIT));
	/* A map of its own is not */
	CHILD_EQ(0, iommu_map_fixed(ctx->fd, ctx->id, buf, PAGE, IOMMU_RW,
				    AT));
	CHILD_EQ(-ENOMEM, access_pin(ctx->acc, AT, PAGE, 0));
	close(acc);
	CHILD_EQ(0, check_accounted(ctx, 0));
	CHILD_EQ(0, access_pin(ctx->acc, AT, PAGE, 0));
	CHILD_EQ(0, check_accounted(ctx, 1));
	return 0;
}

TEST_F(account, copies)
{
	EXPECT_EQ(0, run(&self->ctx, copies));
}

/* As some user, with some memory to be pinned. Ends the child if that fails. */
static void map_as_user(const struct ctx *ctx)
{
	const uint64_t len = ctx->npages * PAGE;
	char *buf;

	CHILD_EQ(0, mem_become_user(ctx->uid, ctx->limit * PAGE));
	buf = mem_anon(len);
	mem_fill(buf, len, ctx->at);
	CHILD_EQ(0, iommu_map_fixed(ctx->fd, ctx->id, buf, len, IOMMU_RW,
				    ctx->at));
}

/* Pins it, and unpins it when told to. */
static int pinner(struct ctx *ctx)
{
	const uint64_t len = ctx->npages * PAGE;

	map_as_user(ctx);
	CHILD_EQ(ctx->want, access_pin(ctx->acc, ctx->at, len, 0));
	CHILD_EQ(0, check_accounted(ctx, ctx->want ? 0 : ctx->npages));
	CHILD_EQ(0, tell(ctx->out));
	CHILD_EQ(0, hear(ctx->in));
	CHILD_EQ(0, iommu_ioas_unmap(ctx->fd, ctx->id, ctx->at, len, NULL));
	CHILD_EQ(0, check_accounted(ctx, 0));
	return 0;
}

/* The same, but it does not clean up. */
static int pinner_that_exits(struct ctx *ctx)
{
	map_as_user(ctx);
	CHILD_EQ(0, access_pin(ctx->acc, ctx->at, (ctx->npages - 1) * PAGE, 0));
	return 0;
}

static int run_pinner(const struct ctx *ctx, uid_t uid, uint64_t at,
		      uint64_t npages, int want)
{
	struct ctx c = *ctx;
	struct child child;
	int rc;

	c.uid = uid;
	c.at = at;
	c.npages = npages;
	c.want = want;
	rc = child_start(&child, &c, pinner);
	if (rc)
		return rc;
	if (!hear(child.in))
		tell(child.out);
	return child_join(&child);
}

TEST_F(account, two_processes)
{
	struct ctx ctx = self->ctx;
	struct child a;

	ctx.npages = 10;
	ASSERT_EQ(0, child_start(&a, &ctx, pinner));
	ASSERT_EQ(0, hear(a.in));
	/* Those of one user share his limit, or have one each */
	EXPECT_EQ(0, run_pinner(&self->ctx, USER, 2 * AT, 10,
				variant->mode ? 0 : -ENOMEM));
	EXPECT_EQ(0, run_pinner(&self->ctx, USER, 2 * AT, LIMIT - 10, 0));
	EXPECT_EQ(0, run_pinner(&self->ctx, OTHER_USER, 2 * AT, LIMIT, 0));
	EXPECT_EQ(0, tell(a.out));
	EXPECT_EQ(0, child_join(&a));
	EXPECT_EQ(0, run_pinner(&self->ctx, USER, 2 * AT, LIMIT, 0));
}

/* The pinned memory of a process that is gone is there, and still counts. */
TEST_F(account, exit_with_pins)
{
	const uint64_t pinned = (LIMIT - 1) * PAGE;
	char *copy = mem_anon(BUF);

	ASSERT_NE(NULL, copy);
	ASSERT_EQ(0, run(&self->ctx, pinner_that_exits));
	EXPECT_EQ(self->pinned + LIMIT - 1, mem_pinned());
	EXPECT_EQ(0, access_peek(self->acc, AT, copy, pinned));
	EXPECT_EQ(-1, mem_check(copy, pinned, AT));
	/* What is pinned can be read, what is not cannot any more */
	EXPECT_EQ(0, access_read(self->acc, AT + 3 * PAGE, copy, 2 * PAGE));
	EXPECT_EQ(0, access_read(self->acc, AT, copy, pinned));
	EXPECT_EQ(-1, mem_check(copy, pinned, AT));
	EXPECT_EQ(-EFAULT, access_read(self->acc, AT + pinned, copy, PAGE));
	EXPECT_EQ(-EFAULT, access_pin(self->acc, AT + pinned, PAGE, 0));
	EXPECT_EQ(-EFAULT, access_rw(self->acc, AT + pinned, copy, PAGE,
				     ACCESS_WRITE | ACCESS_KTHREAD));
	/* The user is still charged, or from now on */
	EXPECT_EQ(0, run_pinner(&self->ctx, USER, 2 * AT, LIMIT, -ENOMEM));
	EXPECT_EQ(0, access_unpin(self->acc, AT, pinned));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, run_pinner(&self->ctx, USER, 2 * AT, LIMIT, 0));
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->ctx.id, AT, LIMIT * PAGE,
				      NULL));
}

/* Maps and pins a file, and unmaps it when told to, if it is still alive. */
static int file_pinner(struct ctx *ctx)
{
	const uint64_t len = ctx->npages * PAGE;

	CHILD_EQ(0, mem_become_user(ctx->uid, ctx->limit * PAGE));
	CHILD_EQ(0, iommu_map_file_fixed(ctx->fd, ctx->id, ctx->file, 0, BUF,
					 IOMMU_RW, ctx->at));
	CHILD_EQ(0, access_pin(ctx->acc, ctx->at, len, 0));
	CHILD_EQ(0, check_accounted(ctx, ctx->npages));
	CHILD_EQ(0, tell(ctx->out));
	CHILD_EQ(0, hear(ctx->in));
	return 0;
}

static int start_file_pinner(struct child *child, struct ctx *ctx)
{
	int rc;

	ctx->npages = 10;
	ctx->file = mem_memfd(BUF, 0);
	if (ctx->file < 0)
		return ctx->file;
	rc = child_start(child, ctx, file_pinner);
	return rc ? rc : hear(child->in);
}

/* Takes over what is pinned, if its limit allows. */
static int taker(struct ctx *ctx)
{
	CHILD_EQ(0, mem_become_user(ctx->uid, ctx->limit * PAGE));
	CHILD_EQ(0, check_accounted(ctx, 0));
	CHILD_EQ(ctx->want, iommu_change_process(ctx->fd));
	CHILD_EQ(0, check_accounted(ctx, ctx->want ? 0 : ctx->npages));
	if (ctx->want)
		return 0;
	/* Again changes nothing */
	CHILD_EQ(0, iommu_change_process(ctx->fd));
	CHILD_EQ(0, check_accounted(ctx, ctx->npages));
	/* What is pinned from now on is its own as well */
	CHILD_EQ(-ENOMEM, access_pin(ctx->acc, ctx->at + ctx->npages * PAGE,
				     (ctx->limit - ctx->npages + 1) * PAGE,
				     0));
	CHILD_EQ(0, access_pin(ctx->acc, ctx->at + ctx->npages * PAGE,
			       (ctx->limit - ctx->npages) * PAGE, 0));
	CHILD_EQ(0, check_accounted(ctx, ctx->limit));
	CHILD_EQ(0, iommu_unmap_all(ctx->fd, ctx->id, NULL));
	CHILD_EQ(0, check_accounted(ctx, 0));
	return 0;
}

TEST_F(account, change_process)
{
	struct ctx ctx = self->ctx;
	struct child a;

	NEED(IOMMU_IOAS_CHANGE_PROCESS);
	ASSERT_EQ(0, start_file_pinner(&a, &ctx));
	EXPECT_EQ(10, mem_vm_pin(a.pid));
	/* One that cannot bear it */
	ctx.uid = OTHER_USER;
	ctx.limit = 9;
	ctx.want = -ENOMEM;
	EXPECT_EQ(0, run(&ctx, taker));
	EXPECT_EQ(10, mem_vm_pin(a.pid));
	EXPECT_EQ(variant->mode ? 10 : 0, mem_vm_lck(a.pid));
	/* And one that can */
	ctx.limit = LIMIT;
	ctx.want = 0;
	EXPECT_EQ(0, run(&ctx, taker));
	EXPECT_EQ(0, mem_vm_pin(a.pid));
	EXPECT_EQ(0, mem_vm_lck(a.pid));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, tell(a.out));
	EXPECT_EQ(0, child_join(&a));
	/* Nobody's account was left with anything */
	EXPECT_EQ(0, run_pinner(&self->ctx, USER, 2 * AT, LIMIT, 0));
	EXPECT_EQ(0, run_pinner(&self->ctx, OTHER_USER, 2 * AT, LIMIT, 0));
}

/* The usual case: the old process is gone when the new one takes over. */
TEST_F(account, change_process_after_exit)
{
	struct ctx ctx = self->ctx;
	struct child a;

	NEED(IOMMU_IOAS_CHANGE_PROCESS);
	ASSERT_EQ(0, start_file_pinner(&a, &ctx));
	EXPECT_EQ(0, tell(a.out));
	EXPECT_EQ(0, child_join(&a));
	ctx.uid = OTHER_USER;
	EXPECT_EQ(0, run(&ctx, taker));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, run_pinner(&self->ctx, USER, 2 * AT, LIMIT, 0));
	EXPECT_EQ(0, run_pinner(&self->ctx, OTHER_USER, 2 * AT, LIMIT, 0));
}

/* Takes everything over again and again, while the other one does the same. */
static int tug(struct ctx *ctx)
{
	unsigned int i;
	char *buf;

	CHILD_EQ(0, mem_become_user(ctx->uid, 4 * BUF));
	for (i = 0; i < 100; i++) {
		CHILD_EQ(0, iommu_map_file_fixed(ctx->fd, ctx->id, ctx->file,
						 0, BUF, IOMMU_RW, ctx->at));
		CHILD_EQ(0, access_pin(ctx->acc, ctx->at, BUF, 0));
		CHILD_EQ(0, iommu_change_process(ctx->fd));
		CHILD_EQ(0, iommu_ioas_unmap(ctx->fd, ctx->id, ctx->at, BUF,
					     NULL));
	}
	CHILD_EQ(0, tell(ctx->out));
	CHILD_EQ(0, hear(ctx->in));
	CHILD_EQ(0, check_accounted(ctx, 0));
	/* All of the limit is free */
	buf = mem_anon(4 * BUF);
	CHILD_EQ(0, iommu_map_fixed(ctx->fd, ctx->id, buf, 4 * BUF, IOMMU_RW,
				    ctx->at));
	CHILD_EQ(0, access_pin(ctx->acc, ctx->at, 4 * BUF, 0));
	CHILD_EQ(0, check_accounted(ctx, 4 * NPAGES));
	CHILD_EQ(0, iommu_ioas_unmap(ctx->fd, ctx->id, ctx->at, 4 * BUF,
				     NULL));
	CHILD_EQ(0, check_accounted(ctx, 0));
	return 0;
}

TEST_F(account, change_process_back_and_forth)
{
	struct ctx a_ctx = self->ctx, b_ctx = self->ctx;
	struct child a, b;

	NEED(IOMMU_IOAS_CHANGE_PROCESS);
	a_ctx.file = b_ctx.file = mem_memfd(BUF, 0);
	ASSERT_LE(0, a_ctx.file);
	b_ctx.uid = OTHER_USER;
	b_ctx.at = 2 * AT;
	ASSERT_EQ(0, child_start(&a, &a_ctx, tug));
	ASSERT_EQ(0, child_start(&b, &b_ctx, tug));
	EXPECT_EQ(0, hear(a.in));
	EXPECT_EQ(0, hear(b.in));
	EXPECT_EQ(self->pinned, mem_pinned());
	tell(a.out);
	tell(b.out);
	EXPECT_EQ(0, child_join(&a));
	EXPECT_EQ(0, child_join(&b));
}

static int reader(struct ctx *ctx)
{
	char *copy = mem_anon(BUF);

	CHILD_EQ(0, mem_become_user(ctx->uid, 0));
	CHILD_EQ(0, access_read(ctx->acc, ctx->at + 5, copy, 100));
	CHILD_EQ(0, access_read(ctx->acc, ctx->at, copy, 4 * PAGE));
	CHILD_EQ(-1, mem_check(copy, 4 * PAGE, ctx->at));
	mem_fill(copy, 4 * PAGE, 77);
	CHILD_EQ(0, access_write(ctx->acc, ctx->at, copy, 4 * PAGE));
	CHILD_EQ(0, check_accounted(ctx, 0));
	return 0;
}

/* The memory is that of who mapped it, not of who asks for the access. */
TEST_F(account, rw_from_another_process)
{
	char *buf = mem_anon(BUF);

	ASSERT_NE(NULL, buf);
	mem_fill(buf, BUF, AT);
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->ctx.id, buf, BUF,
				     IOMMU_RW, AT));
	EXPECT_EQ(0, run(&self->ctx, reader));
	EXPECT_EQ(-1, mem_check(buf, 4 * PAGE, 77));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, mem_vm_pin(0));
}

/* Pins in a loop until it is killed; tells of every round. */
static int busy_child(struct ctx *ctx)
{
	char *buf = mem_anon(BUF), *copy = mem_anon(BUF);
	uint64_t iova;
	int acc;

	close(ctx->acc);
	close(ctx->fd);
	ctx->fd = iommu_open();
	CHILD_EQ(0, iommu_ioas_alloc(ctx->fd, &ctx->id));
	acc = access_open_attached(ctx->fd, ctx->id);
	CHILD_EQ(true, acc >= 0);
	CHILD_EQ(0, iommu_map_fixed(ctx->fd, ctx->id, buf, BUF, IOMMU_RW, AT));
	CHILD_EQ(0, access_pin(acc, AT, 2 * PAGE, 0));
	for (;;) {
		CHILD_EQ(0, tell(ctx->out));
		CHILD_EQ(0, access_pin(acc, AT, BUF, 0));
		CHILD_EQ(0, iommu_map_auto(ctx->fd, ctx->id, buf, BUF,
					   IOMMU_RW, &iova));
		CHILD_EQ(0, access_read(acc, iova, copy, BUF));
		CHILD_EQ(0, access_pin(acc, iova, BUF, 0));
		CHILD_EQ(0, access_unpin(acc, AT, BUF));
		CHILD_EQ(0, iommu_ioas_unmap(ctx->fd, ctx->id, iova, BUF,
					     NULL));
	}
}

TEST_F(account, kill_with_pins)
{
	unsigned int i, j;
	struct child c;

	for (i = 1; i <= 12; i++) {
		ASSERT_EQ(0, child_start(&c, &self->ctx, busy_child));
		for (j = 0; j < i; j++) {
			ASSERT_EQ(0, hear(c.in));
		}
		EXPECT_EQ(1000 + SIGKILL, child_kill(&c));
		EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	}
}

/* Unmaps what the driver does not let go. */
static int stuck_child(struct ctx *ctx)
{
	CHILD_EQ(0, iommu_ioas_unmap(ctx->fd, ctx->id, AT, BUF, NULL));
	return 0;
}

TEST_F(account, kill_in_unmap)
{
	struct access_test_event event;
	char *buf = mem_anon(BUF);
	struct child c;

	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, iommu_map_fixed(self->fd, self->ctx.id, buf, BUF,
				     IOMMU_RW, AT));
	ASSERT_EQ(0, access_pin(self->acc, AT, BUF, 0));
	ASSERT_EQ(0, access_set_policy(self->acc, ACCESS_TEST_HOLD));
	ASSERT_EQ(0, child_start(&c, &self->ctx, stuck_child));
	ASSERT_EQ(0, access_wait_event(self->acc, &event));
	EXPECT_EQ(1000 + SIGKILL, child_kill(&c));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	/* The area is usable, or gone, but in no state in between */
	ASSERT_EQ(0, access_set_policy(self->acc, ACCESS_TEST_UNPIN));
	EXPECT_EQ(0, iommu_unmap_all(self->fd, self->ctx.id, NULL));
	EXPECT_EQ(0, iommu_map_fixed(self->fd, self->ctx.id, buf, BUF,
				     IOMMU_RW, AT));
	EXPECT_EQ(0, access_pin(self->acc, AT, BUF, 0));
}

static int execer(struct ctx *ctx)
{
	char fd[16], acc[16], id[16], mode[16];
	char *buf = mem_anon(BUF);

	mem_fill(buf, BUF, AT);
	CHILD_EQ(0, iommu_map_fixed(ctx->fd, ctx->id, buf, BUF, IOMMU_RW, AT));
	CHILD_EQ(0, access_pin(ctx->acc, AT, 8 * PAGE, 0));
	CHILD_EQ(0, fcntl(ctx->fd, F_SETFD, 0));
	CHILD_EQ(0, fcntl(ctx->acc, F_SETFD, 0));
	snprintf(fd, sizeof(fd), "%d", ctx->fd);
	snprintf(acc, sizeof(acc), "%d", ctx->acc);
	snprintf(id, sizeof(id), "%u", ctx->id);
	snprintf(mode, sizeof(mode), "%d", ctx->mode);
	execl("/proc/self/exe", "account", AFTER_EXEC, fd, acc, id, mode,
	      NULL);
	return 1;
}

/* The same process, with another memory. */
static int after_exec(char **argv)
{
	struct ctx ctx = {
		.fd = atoi(argv[0]),
		.acc = atoi(argv[1]),
		.id = atoi(argv[2]),
		.mode = atoi(argv[3]),
	};
	char *buf = mem_anon(BUF), *copy = mem_anon(BUF);

	/* What was pinned is there, and nobody's in particular */
	CHILD_EQ(0, mem_vm_pin(0));
	CHILD_EQ(0, access_peek(ctx.acc, AT, copy, 8 * PAGE));
	CHILD_EQ(-1, mem_check(copy, 8 * PAGE, AT));
	/* What was not is gone: never the new image's memory */
	CHILD_EQ(-EFAULT, access_pin(ctx.acc, AT + 8 * PAGE, PAGE, 0));
	CHILD_EQ(-EFAULT, access_read(ctx.acc, AT + 8 * PAGE, copy, PAGE));
	/* New memory is as good as ever */
	CHILD_EQ(0, iommu_map_fixed(ctx.fd, ctx.id, buf, BUF, IOMMU_RW,
				    2 * AT));
	CHILD_EQ(0, access_pin(ctx.acc, 2 * AT, BUF, 0));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
	CHILD_EQ(0, access_unpin(ctx.acc, AT, 8 * PAGE));
	CHILD_EQ(NPAGES, mem_vm_pin(0));
	CHILD_EQ(0, iommu_unmap_all(ctx.fd, ctx.id, NULL));
	CHILD_EQ(0, mem_vm_pin(0));
	return 0;
}

TEST_F(account, exec_with_pins)
{
	EXPECT_EQ(0, run(&self->ctx, execer));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

/* Descriptors are closed by exec, which is as good as an exit. */
static int execer_of_true(struct ctx *ctx)
{
	char *buf = mem_anon(BUF);
	uint32_t id;
	int fd = iommu_open(), acc;

	(void)ctx;
	CHILD_EQ(0, iommu_ioas_alloc(fd, &id));
	acc = access_open_attached(fd, id);
	CHILD_EQ(true, acc >= 0);
	CHILD_EQ(0, iommu_map_fixed(fd, id, buf, BUF, IOMMU_RW, AT));
	CHILD_EQ(0, access_pin(acc, AT, BUF, 0));
	CHILD_EQ(true, dup2(open("/dev/null", O_WRONLY), STDERR_FILENO) >= 0);
	execl("/proc/self/exe", "account", "-l", NULL);
	return 1;
}

TEST_F(account, exec_closes)
{
	/* The exit code of a program that lists its tests is that of a skip */
	EXPECT_EQ(KSFT_SKIP, run(&self->ctx, execer_of_true));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], AFTER_EXEC))
		return after_exec(argv + 2);
	/* A list needs no module, and must not take it from who asks for it */
	if (argc == 2 && !strcmp(argv[1], "-l"))
		return test_harness_run(argc, argv);
	access_module_load();
	return test_harness_run(argc, argv);
}
