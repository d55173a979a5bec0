// SPDX-License-Identifier: GPL-2.0-only
/*
 * For libFuzzer: a text of any kind, as a dump, goes through the filter, libpci, and
 * the answers of all commands that take one.  Of the changes half are of a digit of a
 * register, which libFuzzer by itself would seldom find.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command.h"
#include "isolation/objects.h"

#define DEVICES_MAX 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
void __real_exit(int status) __attribute__((noreturn));
void __wrap_exit(int status) __attribute__((noreturn));

static jmp_buf end;
static bool running;

/* A refusal is an answer. */
void __wrap_exit(int status)
{
	if (running)
		longjmp(end, 1);
	__real_exit(status);
}

static void run(struct session *session, const struct object *object,
		char *words[])
{
	int n;

	for (n = 0; words[n]; n++)
		;
	running = true;
	if (!setjmp(end))
		object_run(object, session, n, words);
	running = false;
}

/* The first devices and the last one, which are behind most bridges. */
static int pick(const struct topology *t, char addresses[][ADDRESS_SIZE])
{
	int i, n = 0;

	for (i = 0; i < t->nr && n < DEVICES_MAX; i++)
		if (!t->functions[i].bridge)
			topology_address(&t->functions[i], addresses[n++]);
	for (i = t->nr - 1; i >= 0 && n == DEVICES_MAX; i--)
		if (!t->functions[i].bridge) {
			topology_address(&t->functions[i], addresses[1]);
			break;
		}
	return n;
}

static void run_pairs(struct session *session, char *a, char *b)
{
	char list[2 * ADDRESS_SIZE];
	bool isolate;

	run(session, &p2p_object, (char *[]){ a, b, NULL });
	for (isolate = false;; isolate = true) {
		snprintf(list, sizeof(list), "%s,%s", a, b);
		run(session, &acs_object,
		    (char *[]){ "plan", isolate ? "--isolate" : "--p2p", list,
				NULL });
		if (isolate)
			break;
	}
	snprintf(list, sizeof(list), "%s,%s", a, b);
	run(session, &acs_object, (char *[]){ "plan", "--p2p", list,
		"--root-complex", NULL });
	snprintf(list, sizeof(list), "%s,%s", a, b);
	run(session, &acs_object, (char *[]){ "plan", "--p2p", list,
		"--translated", NULL });
}

static void run_all(struct session *session)
{
	char addresses[DEVICES_MAX][ADDRESS_SIZE];
	int n;

	output.json = false;
	run(session, &isolation_object, (char *[]){ "show", NULL });
	if (!session->topology)
		return;
	n = pick(session->topology, addresses);
	run(session, &isolation_object, (char *[]){ "graph", "svg", NULL });
	run(session, &isolation_object, (char *[]){ "graph", "dot", NULL });
	run(session, &isolation_object,
	    (char *[]){ "graph", "svg", "--all", NULL });
	if (n)
		run(session, &isolation_object,
		    (char *[]){ "show", addresses[0], NULL });
	if (n == DEVICES_MAX)
		run_pairs(session, addresses[0], addresses[1]);
	output.json = true;
	run(session, &isolation_object, (char *[]){ "show", NULL });
	run(session, &isolation_object, (char *[]){ "graph", NULL });
	if (n)
		run(session, &isolation_object,
		    (char *[]){ "show", addresses[0], NULL });
	if (n == DEVICES_MAX)
		run_pairs(session, addresses[0], addresses[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session session = { };
	char name[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	session.source = (struct topology_source){
		.dump = name, .root = "", .numeric = true,
	};
	run_all(&session);
	if (session.topology)
		topology_free(session.topology);
	close(fd);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	static const char digits[] = "0123456789abcdef";
	size_t at;

	srand(seed);
	if (!size || rand() % 2)
		return LLVMFuzzerMutate(data, size, max_size);
	for (at = rand() % size; at < size; at++) {
		if (!strchr(digits, data[at]) || !data[at])
			continue;
		data[at] = digits[rand() % 16];
		return size;
	}
	return size;
}
