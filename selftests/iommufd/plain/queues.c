// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two kinds of queues as files, without a device: what read, write and poll say when
 * there is nothing, how long a queue lives, bad input. And events that need no device:
 * ranges that nested IOASes lose.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "child.h"
#include "iommu.h"
#include "mem.h"

#include "kselftest_harness.h"

#define PAGE 4096UL
#define PARENT_AT 0x10000000UL
#define CHILD_AT 0x20000000UL
#define PAGES 64
#define NO_SUCH_ID 0x7fffff00
#define NOWHERE ((void *)8)
#define KERNEL_ADDRESS ((void *)0xffff888000001000UL)

FIXTURE(queues)
{
	int fd;
	uint32_t ioas;
};

FIXTURE_SETUP(queues)
{
	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->ioas));
}

FIXTURE_TEARDOWN(queues)
{
	close(self->fd);
}

static int alloc_faults(int fd, uint32_t *id)
{
	int queue, rc = iommu_fault_queue_alloc(fd, id, &queue);

	return rc ?: queue;
}

static int alloc_events(int fd, uint32_t ioas, uint32_t depth, uint32_t *id)
{
	int queue, rc = iommu_eventq_alloc(fd, ioas, depth, id, &queue);

	return rc ?: queue;
}

/* syscall(): the compiler need not know that the pointers are bad. */
static ssize_t try_read(int fd, void *buffer, size_t size)
{
	ssize_t done = syscall(SYS_read, fd, buffer, size);

	return done < 0 ? -errno : done;
}

static ssize_t try_write(int fd, const void *buffer, size_t size)
{
	ssize_t done = syscall(SYS_write, fd, buffer, size);

	return done < 0 ? -errno : done;
}

static int poll_now(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&wait, 1, 0) < 0 ? -errno : wait.revents;
}

/* The file descriptor that the next file will get. */
static int next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* A buffer whose last bytes are behind the end of the memory. */
static void *half_there(size_t size)
{
	return (char *)mem_before_hole(PAGE) + PAGE - size / 2;
}

/* Fault queues ----------------------------------------------------------- */

TEST_F(queues, fault_read_of_nothing)
{
	struct iommu_hwpt_pgfault faults[4];
	uint32_t id;
	int queue;

	queue = alloc_faults(self->fd, &id);
	ASSERT_LE(0, queue);
	EXPECT_EQ(FD_CLOEXEC, fcntl(queue, F_GETFD));
	/* Whether it is O_NONBLOCK or not. */
	EXPECT_EQ(0, try_read(queue, faults, sizeof(faults)));
	EXPECT_EQ(0, fcntl(queue, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(0, try_read(queue, faults, sizeof(faults)));
	EXPECT_EQ(0, try_read(queue, faults, 0));
	EXPECT_EQ(-ESPIPE, try_read(queue, faults, sizeof(faults) - 1));
	EXPECT_EQ(-ESPIPE, try_read(queue, faults, 1));
	EXPECT_EQ(POLLOUT, poll_now(queue));
	close(queue);
}

TEST_F(queues, fault_write_of_nonsense)
{
	struct iommu_hwpt_page_response answers[2] = {
		{ .cookie = 1, .code = IOMMUFD_PAGE_RESP_SUCCESS },
	};
	uint32_t id, cookie;
	int queue;

	queue = alloc_faults(self->fd, &id);
	ASSERT_LE(0, queue);
	for (cookie = 0; cookie < 5; cookie++) {
		answers[0].cookie = cookie - 2;
		EXPECT_EQ(-EINVAL, try_write(queue, answers,
					     sizeof(answers[0])));
		EXPECT_EQ(-EINVAL, try_write(queue, answers, sizeof(answers)));
	}
	answers[0].code = 2;
	EXPECT_EQ(-EINVAL, try_write(queue, answers, sizeof(answers)));
	answers[0].code = UINT32_MAX;
	EXPECT_EQ(-EINVAL, try_write(queue, answers, sizeof(answers)));
	EXPECT_EQ(0, try_write(queue, answers, 0));
	EXPECT_EQ(-ESPIPE, try_write(queue, answers, sizeof(answers) - 1));
	EXPECT_EQ(-ESPIPE, try_write(queue, answers, 4));
	EXPECT_EQ(-EFAULT, try_write(queue, NOWHERE, sizeof(answers)));
	EXPECT_EQ(-EFAULT, try_write(queue, KERNEL_ADDRESS, sizeof(answers)));
	EXPECT_EQ(-EFAULT, try_write(queue, half_there(sizeof(answers[0])),
				     sizeof(answers[0])));
	close(queue);
}

TEST_F(queues, no_positions)
{
	char buffer[64] = {};
	uint32_t id;
	int queue[2], i;

	queue[0] = alloc_faults(self->fd, &id);
	queue[1] = alloc_events(self->fd, 0, 0, &id);
	for (i = 0; i < 2; i++) {
		ASSERT_LE(0, queue[i]);
		EXPECT_EQ(-1, lseek(queue[i], 0, SEEK_SET));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(-1, pread(queue[i], buffer, 40, 0));
		EXPECT_EQ(ESPIPE, errno);
		EXPECT_EQ(-1, pwrite(queue[i], buffer, 8, 8));
		EXPECT_EQ(ESPIPE, errno);
		close(queue[i]);
	}
}

/* Closing the file is not the end of a queue, but there is none with its file open. */
TEST_F(queues, destroy)
{
	uint32_t id;
	int i;

	for (i = 0; i < 2; i++) {
		int queue = i ? alloc_events(self->fd, 0, 0, &id) :
				alloc_faults(self->fd, &id);
		int other;

		ASSERT_LE(0, queue);
		other = dup(queue);
		EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, id));
		close(queue);
		EXPECT_EQ(-EBUSY, iommu_destroy(self->fd, id));
		close(other);
		EXPECT_EQ(0, iommu_destroy(self->fd, id));
		EXPECT_EQ(-ENOENT, iommu_destroy(self->fd, id));
	}
}

/* The file descriptor alone keeps everything. */
TEST_F(queues, outlives_the_context)
{
	struct iommu_hwpt_pgfault fault;
	struct ioasid_event event;
	int faults, events;
	uint32_t id;

	faults = alloc_faults(self->fd, &id);
	ASSERT_LE(0, faults);
	events = alloc_events(self->fd, self->ioas, 0, &id);
	ASSERT_LE(0, events);
	close(self->fd);
	EXPECT_EQ(0, fcntl(events, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(0, try_read(faults, &fault, sizeof(fault)));
	EXPECT_EQ(-EAGAIN, try_read(events, &event, sizeof(event)));
	close(faults);
	EXPECT_EQ(-EAGAIN, try_read(events, &event, sizeof(event)));
	close(events);
	self->fd = iommu_open();
	EXPECT_LE(0, self->fd);
}

/* An answer that the caller cannot be given: no object and no file stays. */
TEST_F(queues, cannot_answer)
{
	struct ioasid_eventq_alloc events = { .size = sizeof(events) };
	struct iommu_fault_alloc faults = { .size = sizeof(faults) };
	void *arg = mem_anon(PAGE);
	uint32_t before, after;
	int fd = next_fd();

	ASSERT_NE(NULL, arg);
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &before));
	ASSERT_EQ(0, iommu_destroy(self->fd, before));
	memcpy(arg, &faults, sizeof(faults));
	ASSERT_EQ(0, mprotect(arg, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, IOMMU_FAULT_QUEUE_ALLOC, arg));
	ASSERT_EQ(0, mprotect(arg, PAGE, PROT_READ | PROT_WRITE));
	memcpy(arg, &events, sizeof(events));
	ASSERT_EQ(0, mprotect(arg, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, IOASID_EVENTQ_ALLOC, arg));
	EXPECT_EQ(fd, next_fd());
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &after));
	EXPECT_EQ(before, after);
}

static void without_files(void *arg)
{
	struct rlimit limit;
	int fd = *(int *)arg;
	uint32_t id, before, after;

	CHILD_EQ(0, iommu_ioas_alloc(fd, &before));
	CHILD_EQ(0, iommu_destroy(fd, before));
	CHILD_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = next_fd();
	CHILD_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	CHILD_EQ(-EMFILE, alloc_faults(fd, &id));
	CHILD_EQ(-EMFILE, alloc_events(fd, 0, 0, &id));
	CHILD_EQ(0, iommu_ioas_alloc(fd, &after));
	CHILD_EQ(before, after);
}

TEST_F(queues, too_many_files)
{
	EXPECT_EQ(0, child_run(without_files, &self->fd));
}

static void in_a_child(void *arg)
{
	struct iommu_hwpt_page_response answer = { .cookie = 7 };
	struct iommu_hwpt_pgfault fault;
	int queue = *(int *)arg;

	CHILD_EQ(0, try_read(queue, &fault, sizeof(fault)));
	CHILD_EQ(-EINVAL, try_write(queue, &answer, sizeof(answer)));
}

TEST_F(queues, another_process)
{
	uint32_t id;
	int queue;

	queue = alloc_faults(self->fd, &id);
	ASSERT_LE(0, queue);
	EXPECT_EQ(0, child_run(in_a_child, &queue));
	close(queue);
	EXPECT_EQ(0, iommu_destroy(self->fd, id));
}

/* Event queues ----------------------------------------------------------- */

TEST_F(queues, event_bad_input)
{
	struct ioasid_eventq_alloc cmd = {
		.size = sizeof(cmd),
		.flags = 1,
	};
	uint64_t most = iommu_extension(self->fd, IOASID_EXT_EVENTQ);
	uint32_t id, queue_id;
	int queue;

	EXPECT_LE(256, most);
	EXPECT_EQ(-EOPNOTSUPP, iommu_cmd(self->fd, IOASID_EVENTQ_ALLOC, &cmd));
	EXPECT_EQ(-EINVAL, alloc_events(self->fd, 0, most + 1, &id));
	EXPECT_EQ(-EINVAL, alloc_events(self->fd, 0, UINT32_MAX, &id));
	EXPECT_EQ(-ENOENT, alloc_events(self->fd, NO_SUCH_ID, 0, &id));
	queue = alloc_events(self->fd, 0, most, &queue_id);
	ASSERT_LE(0, queue);
	/* Not an IOAS. */
	EXPECT_EQ(-ENOENT, alloc_events(self->fd, queue_id, 0, &id));
	close(queue);
}

TEST_F(queues, event_read_of_nothing)
{
	struct ioasid_event event;
	uint32_t id;
	int queue;

	queue = alloc_events(self->fd, 0, 0, &id);
	ASSERT_LE(0, queue);
	EXPECT_EQ(FD_CLOEXEC, fcntl(queue, F_GETFD));
	EXPECT_EQ(0, fcntl(queue, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, try_read(queue, &event, sizeof(event)));
	EXPECT_EQ(-EINVAL, try_read(queue, &event, sizeof(event) - 1));
	EXPECT_EQ(-EINVAL, try_read(queue, &event, 0));
	EXPECT_EQ(-EBADF, try_write(queue, &event, sizeof(event)));
	EXPECT_EQ(0, poll_now(queue));
	close(queue);
}

TEST_F(queues, event_of_an_ioas_that_goes)
{
	uint32_t id;
	int queue;

	queue = alloc_events(self->fd, self->ioas, 0, &id);
	ASSERT_LE(0, queue);
	EXPECT_EQ(0, iommu_destroy(self->fd, self->ioas));
	EXPECT_EQ(0, poll_now(queue));
	close(queue);
}

/* An interrupt tells all queues: there cannot be any number of them. */
TEST_F(queues, event_too_many)
{
	int queue[100], nr, rc = 0;
	uint32_t id;

	for (nr = 0; nr < 100; nr++) {
		rc = alloc_events(self->fd, 0, 1, &id);
		if (rc < 0)
			break;
		queue[nr] = rc;
	}
	EXPECT_EQ(-EMFILE, rc);
	EXPECT_LE(16, nr);
	ASSERT_LT(0, nr);
	close(queue[--nr]);
	queue[nr] = alloc_events(self->fd, 0, 1, &id);
	EXPECT_LE(0, queue[nr]);
	while (nr >= 0)
		close(queue[nr--]);
}

#define CROWD 300

/**
 * struct crowd - threads that all want a queue at the same moment
 * @fd: the context
 * @start: where they meet
 * @got: how many have one
 */
struct crowd {
	int fd;
	pthread_barrier_t start;
	unsigned int got;
};

/* Long enough to be made that the others come meanwhile. */
static void *join_crowd(void *arg)
{
	struct crowd *crowd = arg;
	uint32_t id;

	pthread_barrier_wait(&crowd->start);
	if (alloc_events(crowd->fd, 0, 2048, &id) >= 0)
		__atomic_add_fetch(&crowd->got, 1, __ATOMIC_RELAXED);
	return NULL;
}

TEST_F(queues, event_too_many_at_once)
{
	const struct rlimit files = { 2 * CROWD, 2 * CROWD };
	struct crowd crowd = { .fd = self->fd };
	pthread_t threads[CROWD];
	pthread_attr_t attr;
	int i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, pthread_barrier_init(&crowd.start, NULL, CROWD));
	ASSERT_EQ(0, pthread_attr_init(&attr));
	ASSERT_EQ(0, pthread_attr_setstacksize(&attr, 64 << 10));
	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], &attr, join_crowd,
					    &crowd));
	for (i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(64, crowd.got);
}

/* What has failed later than the count has not been counted. */
TEST_F(queues, event_failures_are_not_counted)
{
	struct ioasid_eventq_alloc *cmd;
	uint32_t id;
	int i;

	cmd = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, cmd);
	cmd->size = sizeof(*cmd);
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-EFAULT, iommu_cmd(self->fd, IOASID_EVENTQ_ALLOC,
					     cmd));
	EXPECT_LE(0, alloc_events(self->fd, 0, 1, &id));
}

static void on_signal(int signal)
{
	(void)signal;
}

static void wait_for_signal(void *arg)
{
	struct itimerval soon = {
		.it_value.tv_usec = 50000,
		.it_interval.tv_usec = 50000,
	};
	struct sigaction action = { .sa_handler = on_signal };
	struct ioasid_event event;
	int queue = *(int *)arg;

	CHILD_EQ(0, sigaction(SIGALRM, &action, NULL));
	CHILD_EQ(0, setitimer(ITIMER_REAL, &soon, NULL));
	CHILD_EQ(-EINTR, try_read(queue, &event, sizeof(event)));
}

TEST_F(queues, event_wait_is_interrupted)
{
	uint32_t id;
	int queue;

	queue = alloc_events(self->fd, 0, 0, &id);
	ASSERT_LE(0, queue);
	EXPECT_EQ(0, child_run(wait_for_signal, &queue));
	close(queue);
}

/* Events of nested IOASes ------------------------------------------------- */

/*
 * Two children, whose pages are each a mapping of its own, of a parent whose pages are,
 * too: who unmaps page n of the parent, makes each child lose page n.
 */
FIXTURE(lost)
{
	int fd;
	uint32_t parent;
	uint32_t child[2];
	char *mem;
};

FIXTURE_SETUP(lost)
{
	int i, page;

	self->fd = iommu_open();
	ASSERT_LE(0, self->fd);
	self->mem = mem_anon(PAGES * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, iommu_ioas_alloc(self->fd, &self->parent));
	for (page = 0; page < PAGES; page++)
		ASSERT_EQ(0, iommu_map_fixed(self->fd, self->parent,
					     self->mem + page * PAGE, PAGE,
					     IOMMU_RW,
					     PARENT_AT + page * PAGE));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, iommu_alloc_nested(self->fd, self->parent,
						&self->child[i]));
		for (page = 0; page < PAGES; page++)
			ASSERT_EQ(0, iommu_map_fixed(self->fd, self->child[i],
					(void *)(PARENT_AT + page * PAGE),
					PAGE, IOMMU_RW,
					CHILD_AT + page * PAGE));
	}
}

FIXTURE_TEARDOWN(lost)
{
	close(self->fd);
}

static int lose(int fd, uint32_t parent, unsigned int page)
{
	return iommu_ioas_unmap(fd, parent, PARENT_AT + page * PAGE, PAGE,
				NULL);
}

static int next_event(int queue, struct ioasid_event *event)
{
	ssize_t done = try_read(queue, event, sizeof(*event));

	return done < 0 ? done : done == sizeof(*event) ? 0 : -EIO;
}

#define EXPECT_LOST(event, ioas, page, missing) do {			\
	EXPECT_EQ(IOASID_EVENT_RANGE_LOST, (event).type);		\
	EXPECT_EQ(0, (event).flags);					\
	EXPECT_EQ(missing, (event).lost);				\
	EXPECT_EQ(ioas, (event).ioas_id);				\
	EXPECT_EQ(0, (event).dev_id);					\
	EXPECT_EQ(0, (event).perm);					\
	EXPECT_EQ(CHILD_AT + (page) * PAGE, (event).iova);		\
	EXPECT_EQ(PAGE, (event).length);				\
} while (0)

TEST_F(lost, told_to_whom_it_concerns)
{
	struct ioasid_event event, events[3];
	int all, one, none;
	uint32_t id;

	all = alloc_events(self->fd, 0, 0, &id);
	one = alloc_events(self->fd, self->child[1], 0, &id);
	none = alloc_events(self->fd, self->parent, 0, &id);
	ASSERT_LE(0, none);
	ASSERT_EQ(0, lose(self->fd, self->parent, 3));

	EXPECT_EQ(POLLIN, poll_now(all));
	EXPECT_EQ(POLLIN, poll_now(one));
	EXPECT_EQ(0, poll_now(none));
	ASSERT_EQ(0, next_event(one, &event));
	EXPECT_LOST(event, self->child[1], 3, 0);
	EXPECT_EQ(0, poll_now(one));
	/* As many as there are, even if the buffer has room for more. */
	ASSERT_EQ(2 * sizeof(event), try_read(all, events, sizeof(events)));
	EXPECT_LOST(events[0], self->child[0], 3, 0);
	EXPECT_LOST(events[1], self->child[1], 3, 0);
	EXPECT_EQ(0, poll_now(all));
}

/* Who unmaps a range on purpose need not be told. */
TEST_F(lost, not_for_its_own_unmap)
{
	uint32_t id;
	int queue;

	queue = alloc_events(self->fd, 0, 0, &id);
	ASSERT_LE(0, queue);
	EXPECT_EQ(0, iommu_ioas_unmap(self->fd, self->child[0], CHILD_AT, PAGE,
				      NULL));
	EXPECT_EQ(0, iommu_destroy(self->fd, self->child[0]));
	EXPECT_EQ(0, poll_now(queue));
}

/* The oldest go, and the first that is left says how many. */
TEST_F(lost, overflow)
{
	struct ioasid_event events[PAGES];
	const unsigned int depth = 5;
	unsigned int page;
	uint32_t id;
	int queue;

	queue = alloc_events(self->fd, self->child[0], depth, &id);
	ASSERT_LE(0, queue);
	for (page = 0; page < depth; page++)
		ASSERT_EQ(0, lose(self->fd, self->parent, page));
	ASSERT_EQ(depth * sizeof(events[0]),
		  try_read(queue, events, sizeof(events)));
	for (page = 0; page < depth; page++)
		EXPECT_LOST(events[page], self->child[0], page, 0);

	for (page = 10; page < 10 + depth + 3; page++)
		ASSERT_EQ(0, lose(self->fd, self->parent, page));
	ASSERT_EQ(depth * sizeof(events[0]),
		  try_read(queue, events, sizeof(events)));
	for (page = 0; page < depth; page++)
		EXPECT_LOST(events[page], self->child[0], 13 + page,
			    page ? 0 : 3);

	/* It does not say so twice. */
	ASSERT_EQ(0, lose(self->fd, self->parent, 30));
	ASSERT_EQ(0, next_event(queue, &events[0]));
	EXPECT_LOST(events[0], self->child[0], 30, 0);
}

TEST_F(lost, overflow_of_one)
{
	struct ioasid_event event;
	unsigned int page;
	uint32_t id;
	int queue;

	queue = alloc_events(self->fd, self->child[0], 1, &id);
	ASSERT_LE(0, queue);
	for (page = 0; page < 10; page++)
		ASSERT_EQ(0, lose(self->fd, self->parent, page));
	ASSERT_EQ(0, next_event(queue, &event));
	EXPECT_LOST(event, self->child[0], 9, 9);
	EXPECT_EQ(0, poll_now(queue));
}

/* A buffer that cannot be written loses nothing. */
TEST_F(lost, bad_buffer)
{
	struct ioasid_event event, *end = half_there(2 * sizeof(event));
	uint32_t id;
	int queue;

	queue = alloc_events(self->fd, self->child[0], 2, &id);
	ASSERT_LE(0, queue);
	ASSERT_EQ(0, lose(self->fd, self->parent, 0));
	ASSERT_EQ(0, lose(self->fd, self->parent, 1));
	EXPECT_EQ(-EFAULT, try_read(queue, NOWHERE, sizeof(event)));
	EXPECT_EQ(-EFAULT, try_read(queue, KERNEL_ADDRESS, sizeof(event)));
	/* Room for one; the other is behind the end of the memory. */
	EXPECT_EQ(sizeof(event), try_read(queue, end, 2 * sizeof(event)));
	EXPECT_LOST(end[0], self->child[0], 0, 0);
	ASSERT_EQ(0, next_event(queue, &event));
	EXPECT_LOST(event, self->child[0], 1, 0);
	EXPECT_EQ(0, poll_now(queue));
}

static void unmap_later(void *arg)
{
	const FIXTURE_DATA(lost) *self = arg;

	if (!fork()) {
		usleep(50000);
		_exit(lose(self->fd, self->parent, 0));
	}
}

/* Who waits is woken. */
TEST_F(lost, wait)
{
	struct ioasid_event event;
	uint32_t id;
	int queue;

	queue = alloc_events(self->fd, self->child[0], 0, &id);
	ASSERT_LE(0, queue);
	unmap_later(self);
	ASSERT_EQ(0, next_event(queue, &event));
	EXPECT_LOST(event, self->child[0], 0, 0);
	while (wait(NULL) > 0)
		;
}

/* Children of children. */
TEST_F(lost, depth)
{
	struct ioasid_event event;
	uint32_t grandchild, id;
	int queue;

	ASSERT_EQ(0, iommu_alloc_nested(self->fd, self->child[0],
					&grandchild));
	ASSERT_EQ(0, iommu_map_fixed(self->fd, grandchild, (void *)CHILD_AT,
				     4 * PAGE, IOMMU_RW, 0x5000));
	queue = alloc_events(self->fd, grandchild, 0, &id);
	ASSERT_LE(0, queue);
	ASSERT_EQ(0, lose(self->fd, self->parent, 2));
	ASSERT_EQ(0, next_event(queue, &event));
	EXPECT_EQ(IOASID_EVENT_RANGE_LOST, event.type);
	EXPECT_EQ(grandchild, event.ioas_id);
	EXPECT_EQ(0x5000 + 2 * PAGE, event.iova);
	EXPECT_EQ(PAGE, event.length);
}

TEST_HARNESS_MAIN
