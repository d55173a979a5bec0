/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parts of a test that need a process of their own: because it will be
 * killed, gives up its privileges, or has limits. The harness's ASSERT_* do
 * not work there; the child's exit status tells the test.
 */
#ifndef SELFTESTS_CHILD_H
#define SELFTESTS_CHILD_H

#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ends the child, saying what was wrong, unless the two numbers are equal. */
#define CHILD_EQ(expected, seen) do {					\
	long long _expected = (expected), _seen = (seen);		\
									\
	if (_expected != _seen) {					\
		printf("# %s:%d: child: expected %lld == %s (%lld)\n",	\
		       __FILE__, __LINE__, _expected, #seen, _seen);	\
		fflush(stdout);						\
		_exit(1);						\
	}								\
} while (0)

/* Runs the function in a child, and returns 0 if it came to its end. */
static inline int child_run(void (*body)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid) {
		body(arg);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

#endif
