/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parts of a test that need a process of their own: because it will be
 * killed, gives up its privileges, or has limits. The harness's ASSERT_* do
 * not work there; the child's exit status tells the test.
 */
#ifndef SELFTESTS_CHILD_H
#define SELFTESTS_CHILD_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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

/* The state of a process or thread as in /proc/PID/stat, or 0. */
static inline char child_state(pid_t pid)
{
	char path[32], line[256] = "", *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, line, sizeof(line) - 1) < 0)
		line[0] = 0;
	close(fd);
	end = strrchr(line, ')');
	return end && end[1] ? end[2] : 0;
}

/* Does it come to wait for something other than an event for the user, within @ms? */
static inline bool child_waits(pid_t pid, int ms)
{
	while (ms > 0 && child_state(pid) != 'D') {
		usleep(10000);
		ms -= 10;
	}
	return child_state(pid) == 'D';
}

#endif
