// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/unbind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolation/bound.h"
#include "isolation/keeper.h"
#include "isolation/leaving.h"

/* What of the kernel a process waits in that unbinds a device which somebody has. */
#define WAITS_IN "vfio_unregister_group_dev"

/**
 * struct waiters - processes that wait in an unbind
 * @root: directory instead of /
 * @text: their names; NULL for none
 * @json: array of them
 */
struct waiters {
	const char *root;
	char *text;
	json_t *json;
};

static void look_at_waiter(int pid, int tid, void *data)
{
	struct waiters *waiters = data;
	char *name = xasprintf("task/%d/wchan", tid);
	char *where = process_read(waiters->root, pid, name);
	struct process process;

	if (where && !strcmp(where, WAITS_IN)) {
		process_look(&process, waiters->root, pid);
		if (waiters->text)
			xappend(&waiters->text, xasprintf(" or "));
		xappend(&waiters->text, process_text(&process));
		json_array_append_new(waiters->json, process_json(&process));
	}
	free(where);
	free(name);
}

static void look_for_waiter(int pid, void *data)
{
	struct waiters *waiters = data;

	look_at_waiter(pid, pid, waiters);
	process_each_thread(waiters->root, pid, look_at_waiter, waiters);
}

/* Who is waited for, and what is to be done about it. */
static char *awaited_text(const struct check *c, int index)
{
	char address[ADDRESS_SIZE], *text = NULL, *who;
	bool by_memory = true;
	struct keeper keeper;
	int next = 0;

	while (keeper_next(c, index, &next, &keeper)) {
		if (text)
			xappend(&text, xasprintf(" and "));
		who = process_text(&keeper.process);
		xappend(&text, xasprintf("%s, which has %s,", who,
					 keeper.what));
		by_memory &= keeper.by_memory;
		free(who);
		free(keeper.what);
		json_decref(keeper.json);
	}
	if (text) {
		text[strlen(text) - 1] = '\0';
		xappend(&text, xasprintf(": %s", keeper_end(by_memory)));
	} else if (bound_in(c, index)) {
		who = bound_text(c, bound_in(c, index));
		text = xasprintf("what keeps it in %s", who);
		free(who);
	} else if (leaving_after_vfs(c, index)) {
		text = xasprintf("its virtual functions, which go before it: see ioasid why %s",
				 topology_address(&c->t->functions[
					leaving_next(c, 0)], address));
	} else {
		text = xasprintf("whoever has it");
	}
	return text;
}

/**
 * unbind_find() - is the device being unbound, and for whom does that wait?
 * @c: the device
 *
 * Return: whether; it has been said then.
 */
bool unbind_find(struct check *c)
{
	struct waiters waiters = { .root = c->root };
	char *awaited;
	json_t *more;

	if (!leaving_is(c, c->index))
		return false;
	waiters.json = xjson(json_array());
	process_each(c->root, look_for_waiter, &waiters);
	awaited = awaited_text(c, c->index);
	more = xjson(json_pack("{sb so so}", "unbinding", true, "processes",
			       keepers_json(c, c->index), "waiting",
			       waiters.json));
	find_with(c, OBSTACLE, "driver", more,
		  "it is being unbound from its driver, which waits for %s; until then no driver can be bound%s%s",
		  awaited, waiters.text ? ". It is waited for by " : "",
		  waiters.text ? waiters.text : "");
	free(waiters.text);
	free(awaited);
	return true;
}
