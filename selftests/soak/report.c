// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "action.h"
#include "file.h"
#include "iommu.h"

/* A run is long enough for every action to have succeeded. */
#define LONG_ENOUGH 60

/* Whole lines, each in one write(): so that those of processes do not mix. */
void say(const char *format, ...)
{
	char line[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(STDOUT_FILENO, line, length) != length)
		_exit(1);
}

static void say_entry(const struct log_entry *e)
{
	say("#   step %u: %s 0x%llx 0x%llx = %d", e->step,
	    actions[e->action].name, (unsigned long long)e->a,
	    (unsigned long long)e->b, e->rc);
}

/* What a worker has done last. */
void report_log(unsigned int worker)
{
	const struct worker_log *log = &world->logs[worker];
	uint32_t first = log->step > LOG_LENGTH ? log->step - LOG_LENGTH : 0, i;

	say("# last steps of worker %u, %s, process %d:", worker, log->name,
	    log->pid);
	for (i = first; i < log->step; i++)
		say_entry(&log->entries[i % LOG_LENGTH]);
}

/* What the module says of the last call that has failed. */
static void say_reason(struct worker *w)
{
	char text[256] = "";
	uint32_t length = sizeof(text), error;

	if (w->context > 0 &&
	    !iommu_last_reason(w->context, text, &length, &error))
		say("# the module's last reason: %s (%s)", text,
		    strerror(error));
}

/**
 * broken() - something is not as it must be: the end of the soak
 * @w: who has seen it
 * @format: what
 *
 * Return: -EIO.
 */
int broken(struct worker *w, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say("# BROKEN (seed %llu, worker %u, step %u, 0x%llx 0x%llx%s): %s",
	    (unsigned long long)world->seed, w->nr, w->step,
	    (unsigned long long)w->a, (unsigned long long)w->b,
	    w->injected ? ", allocation failed" : "", text);
	if (!__atomic_exchange_n(&world->failed, true, __ATOMIC_SEQ_CST)) {
		say_reason(w);
		report_log(w->nr);
	}
	world_stop();
	return -EIO;
}

/* A small file, as comments. */
void say_file(const char *path)
{
	char text[4096], *line, *rest = text;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return;
	text[length] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (*line)
			say("#   %s", line);
}

/* A worker does not come to the end of a step: where is it? */
void report_hung(unsigned int worker)
{
	char path[64];

	say("# BROKEN (seed %llu, worker %u): hung in step %u",
	    (unsigned long long)world->seed, worker, world->logs[worker].step);
	snprintf(path, sizeof(path), "/proc/%d/stack", world->logs[worker].tid);
	say_file(path);
	report_log(worker);
	/* Who waits; who holds what, where lockdep knows; and what the CPUs are at. */
	file_write("/proc/sysrq-trigger", "w");
	file_write("/proc/sysrq-trigger", "d");
	file_write("/proc/sysrq-trigger", "l");
	world->failed = true;
}

/* What was called, and how often with success. Return: was that enough? */
bool report_rates(int64_t seconds)
{
	bool enough = true;
	unsigned int i;

	say("# %-18s %9s %9s %5s %8s", "action", "calls", "good", "%", "per s");
	for (i = 0; i < nr_actions; i++) {
		const struct tally *t = &world->tally[i];
		bool bad = !t->good && actions[i].weight &&
			   !actions[i].may_never && seconds >= LONG_ENOUGH;

		say("# %-18s %9llu %9llu %5.1f %8.2f%s", actions[i].name,
		    (unsigned long long)t->calls, (unsigned long long)t->good,
		    t->calls ? 100.0 * t->good / t->calls : 0.0,
		    (double)t->calls / (seconds ?: 1), bad ? "  NEVER" : "");
		enough &= !bad;
	}
	return enough;
}
