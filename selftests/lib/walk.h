/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands whose allocations fail, one after the other, by the kernel's fault
 * injection (Documentation/fault-injection). Only a debug kernel has
 * /proc/self/fail-nth.
 *
 * A command that has lost an allocation may fail with ENOMEM, or do without. If
 * it fails nothing may have changed, and the same command must work when it is
 * given again.
 */
#ifndef SELFTESTS_LIB_WALK_H
#define SELFTESTS_LIB_WALK_H

#include <stdbool.h>
#include <stdint.h>

/* What the commands of a program work on: its own business. */
struct ground;

/**
 * struct walk - what every walk needs
 * @fd: /dev/iommu whose IDs must not get lost, or -1
 * @fail_nth: the file of that name
 * @pinned: pages that were pinned before
 * @free_id: the ID that is handed out next
 * @free_fd: likewise, the file descriptor
 */
struct walk {
	int fd;
	int fail_nth;
	long pinned;
	uint32_t free_id;
	int free_fd;
};

/**
 * struct step - a command, and what goes with it
 * @command: returns 0 or a negative errno
 * @undo: makes up for a command that has succeeded; not injected
 * @prepare: brings about what the command needs; not injected
 * @never_fails: the command may not fail
 * @also: besides -ENOMEM, what it fails with if the kernel does not tell it why
 * @last: walk no further than this; 0: to the end
 */
struct step {
	int (*command)(struct ground *ground);
	int (*undo)(struct ground *ground);
	int (*prepare)(struct ground *ground);
	bool never_fails;
	int also;
	unsigned int last;
};

int walk_open(struct walk *walk);
int walk_run(struct walk *walk, struct ground *ground, const struct step *step);

/* For struct ground with a member "walk", in a fixture with a member "ground". */
#define EXPECT_WALK(step, at_least) do {				\
	int _failed = walk_run(&self->ground.walk, &self->ground, step); \
									\
	TH_LOG("%d allocations made to fail", _failed);			\
	EXPECT_LE(at_least, _failed);					\
} while (0)

/*
 * The fixture of tests that walk, with kselftest_harness.h: a member "ground". If there
 * are variants they stand between these two. @why_not: NULL, or why there is nothing to
 * test. @opened and @closed are expressions that make the ground and leave it, by @self
 * and @variant; 0 if all is well.
 */
#define WALK_FIXTURE(name)						\
	FIXTURE(name)							\
	{								\
		struct ground ground;					\
	}

#define WALK_FIXTURE_SETUP(name, why_not, opened, closed)		\
	FIXTURE_SETUP(name)						\
	{								\
		const char *_why_not = (why_not);			\
		int _rc;						\
									\
		if (_why_not)						\
			SKIP(return, "%s", _why_not);			\
		_rc = walk_open(&self->ground.walk);			\
		if (_rc == -ENOENT)					\
			SKIP(return, "no fault injection in this kernel"); \
		ASSERT_EQ(0, _rc);					\
		ASSERT_EQ(0, opened);					\
	}								\
									\
	FIXTURE_TEARDOWN(name)						\
	{								\
		EXPECT_EQ(0, closed);					\
	}

#endif
