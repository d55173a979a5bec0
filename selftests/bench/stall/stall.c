// SPDX-License-Identifier: GPL-2.0-only
/*
 * stall.c - how long a long command keeps others waiting.
 *
 * usage: stall AREAS [COMMAND...]
 *
 * One line a command, fields separated by tabs:
 *
 *	stall COMMAND AREAS TOTAL RESCHED MAP ALLOC KILL TITLE
 *
 * in nanoseconds, which are instructions under QEMU's "-icount shift=0": how long it
 * takes, and, while it runs, the longest time that
 *
 *	RESCHED	a thread of real-time priority waits for the CPU after its timer,
 *		so the longest stretch without a chance to reschedule;
 *	MAP	such a thread takes to map a page and to unmap it, in either IOAS;
 *	ALLOC	such a thread takes to allocate an IOAS and to destroy it;
 *	KILL	the command goes on after a fatal signal in its midst; "-" if it was
 *		over before.
 *
 * There is one CPU, so a thread that waits for a lock does so while the command runs,
 * and for nothing else. It wakes up every PERIOD: of a stretch of which all but that is
 * seen at the least. One run of the command for each of the four.
 *
 * The command runs in a process that shares memory and files with this one: when it is
 * killed nothing but the command ends.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stall.h"

#define PERIOD		100000
#define STACK		(256 * KIB)

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void sleep_until(int64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

/**
 * struct watcher - somebody who wants something while the command runs
 * @thread: it
 * @scene: where
 * @probe: what it does; NULL: it only wants to run
 * @stop: it is to end
 * @longest: that it has waited
 */
struct watcher {
	pthread_t thread;
	const struct scene *scene;
	void (*probe)(const struct scene *scene);
	atomic_bool stop;
	int64_t longest;
};

static void *watch(void *arg)
{
	struct watcher *watcher = arg;
	int64_t from, took;

	while (!watcher->stop) {
		from = now() + PERIOD;
		sleep_until(from);
		if (watcher->probe) {
			from = now();
			watcher->probe(watcher->scene);
		}
		took = now() - from;
		if (took > watcher->longest)
			watcher->longest = took;
	}
	return NULL;
}

/* Above everything that is not of real-time priority. */
static void watcher_start(struct watcher *watcher)
{
	struct sched_param param = { .sched_priority = 50 };
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	if (pthread_create(&watcher->thread, &attr, watch, watcher))
		errx(1, "no thread of real-time priority");
	pthread_attr_destroy(&attr);
}

static int64_t watcher_end(struct watcher *watcher)
{
	watcher->stop = true;
	pthread_join(watcher->thread, NULL);
	return watcher->longest;
}

/**
 * struct job - a command in a process of its own
 * @scene: where
 * @run: the command
 * @rc: what it has returned; 1: it has not
 * @took: how long it took
 */
struct job {
	struct scene *scene;
	int (*run)(struct scene *scene);
	int rc;
	int64_t took;
};

/* Not of real-time priority, as the process is that it comes from. */
static int do_job(void *arg)
{
	const struct sched_param param = {};
	struct job *job = arg;
	int64_t began;

	if (sched_setscheduler(0, SCHED_OTHER, &param))
		_exit(1);
	began = now();
	job->rc = job->run(job->scene);
	job->took = now() - began;
	_exit(0);
}

static pid_t job_start(struct job *job)
{
	static char *stack;
	pid_t pid;

	if (!stack)
		stack = malloc(STACK);
	job->rc = 1;
	pid = clone(do_job, stack + STACK,
		    CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD, job);
	if (pid < 0)
		err(1, "clone");
	return pid;
}

static void job_wait(pid_t pid)
{
	if (waitpid(pid, NULL, 0) != pid)
		err(1, "waitpid");
}

/* What @watcher waits for while the command runs, which has to succeed. */
static int64_t run_watched(struct job *job, struct watcher *watcher,
			   const char *title)
{
	watcher->scene = job->scene;
	watcher_start(watcher);
	job_wait(job_start(job));
	if (job->rc)
		errx(1, "%s: %s", title, strerror(-job->rc));
	return watcher_end(watcher);
}

/* How long it goes on after a signal that comes when @after have passed, or -1. */
static int64_t run_killed(struct job *job, int64_t after)
{
	pid_t pid = job_start(job);
	int64_t killed;

	sleep_until(now() + after);
	killed = now();
	kill(pid, SIGKILL);
	job_wait(pid);
	return job->rc == 1 ? now() - killed : -1;
}

enum { RESCHED, MAP, ALLOC, NR_WATCHERS };

static void (*const probes[NR_WATCHERS])(const struct scene *scene) = {
	[MAP] = scene_map_page,
	[ALLOC] = scene_alloc,
};

/**
 * struct stall - what has been found out about a command
 * @title: of it
 * @total: how long it takes
 * @waits: how long the watchers have waited; -1: not tried
 * @kill: how long it took to end
 */
struct stall {
	const char *title;
	int64_t total;
	int64_t waits[NR_WATCHERS];
	int64_t kill;
};

static void print_number(int64_t n)
{
	if (n < 0)
		printf("\t-");
	else
		printf("\t%lld", (long long)n);
}

static void print_stall(const struct command *command,
			const struct scene *scene, const struct stall *stall)
{
	int i;

	printf("stall\t%s\t%lu", command->key, scene->areas);
	print_number(stall->total);
	for (i = 0; i < NR_WATCHERS; i++)
		print_number(stall->waits[i]);
	print_number(stall->kill);
	printf("\t%s\n", stall->title);
	fflush(stdout);
}

static void run_once(struct scene *scene, int (*run)(struct scene *scene),
		     struct stall *stall, int which)
{
	struct watcher watcher = { .probe = probes[which] };
	struct job job = { .scene = scene, .run = run };

	stall->waits[which] = run_watched(&job, &watcher, stall->title);
	if (which == RESCHED)
		stall->total = job.took;
}

/* Kill it half way; it may have done nothing, a part, or everything. */
static void run_to_kill(struct scene *scene, int (*run)(struct scene *scene),
			struct stall *stall)
{
	struct job job = { .scene = scene, .run = run };

	stall->kill = run_killed(&job, stall->total / 2);
}

static void measure(const struct command *command, struct scene *scene)
{
	struct stall run = { command->title, 0, { -1, -1, -1 }, -1 };
	struct stall undo = { command->undo_title, 0, { -1, -1, -1 }, -1 };
	int i;

	for (i = 0; i < (command->closes ? 1 : NR_WATCHERS); i++) {
		run_once(scene, command->run, &run, i);
		if (command->undo)
			run_once(scene, command->undo, &undo, i);
	}
	if (!command->closes) {
		run_to_kill(scene, command->run, &run);
		if (command->undo)
			command->undo(scene);
	}
	print_stall(command, scene, &run);
	if (command->undo)
		print_stall(command, scene, &undo);
}

static bool chosen(const struct command *command, char **keys)
{
	if (!*keys)
		return true;
	for (; *keys; keys++)
		if (!strcmp(command->key, *keys))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct sched_param param = { .sched_priority = 60 };
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct scene scene;
	size_t i;
	int rc;

	if (argc < 2)
		errx(2, "usage: stall AREAS [COMMAND...]");
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	scene_open(&scene, strtoul(argv[1], NULL, 0));
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		err(1, "real-time priority");
	for (i = 0; i < nr_commands; i++) {
		if (!chosen(&commands[i], argv + 2))
			continue;
		rc = commands[i].prepare ? commands[i].prepare(&scene) : 0;
		if (!rc)
			measure(&commands[i], &scene);
		else
			printf("# %s: %s\n", commands[i].key, strerror(-rc));
	}
	scene_close(&scene);
	return 0;
}
