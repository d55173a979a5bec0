// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "inject.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHANCE 15
/* Few commands allocate more often. */
#define FURTHEST 24

/* The files' settings are made by selftests/vm/init. A thread has its own. */
void inject_open(struct worker *w)
{
	w->fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
}

static void arm(struct worker *w, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(w->fail_nth, text, length, 0) != length)
		w->fail_nth = -1;
}

void inject_begin(struct worker *w)
{
	w->injected = w->fail_nth >= 0 && chance(w, CHANCE);
	if (w->injected)
		arm(w, 1 + pick(w, 1 + pick(w, FURTHEST)));
}

void inject_end(struct worker *w)
{
	char text[16] = "";

	if (!w->injected)
		return;
	/* What is left to count: nothing, if it has failed. */
	if (pread(w->fail_nth, text, sizeof(text) - 1, 0) > 0)
		w->injected = !atoi(text);
	if (!w->injected)
		arm(w, 0);
}
