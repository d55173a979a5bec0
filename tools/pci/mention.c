// SPDX-License-Identifier: GPL-2.0-only
/*
 * lspci goes up by address, so where an address is not higher than the one before, or
 * where a ruler or a command line is, another listing begins.  Of listings that tell of
 * the same functions the most complete one counts; those that tell of others are parts
 * of one machine.
 */
#include "pci/mention.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

/**
 * struct listing - a part of the text that goes up by address
 * @first: index of its first mention
 * @nr: how many it has
 * @full: and how many of these have registers
 * @bytes: which are known, of all
 * @used: it counts
 */
struct listing {
	int first;
	int nr;
	int full;
	unsigned long bytes;
	bool used;
};

/**
 * struct choice - the functions that count
 * @mentions: what the text says, in its order
 * @nr: how many
 * @functions: those that are chosen
 * @nr_functions: how many
 * @tree: the same by address, as of tsearch()
 */
struct choice {
	const struct mention *mentions;
	int nr;
	struct mention *functions;
	int nr_functions;
	void *tree;
};

/**
 * mention_order() - compare addresses, as for qsort()
 * @left: a mention
 * @right: another
 *
 * Return: below, at, or above 0.
 */
int mention_order(const void *left, const void *right)
{
	const struct mention *a = left, *b = right;

	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	if (a->bus != b->bus)
		return a->bus < b->bus ? -1 : 1;
	return (a->devfn > b->devfn) - (a->devfn < b->devfn);
}

/**
 * space_knows() - is a register known?
 * @space: the registers
 * @offset: which
 *
 * Return: whether.
 */
bool space_knows(const struct space *space, unsigned int offset)
{
	return space->known[offset / 8] & 1 << offset % 8;
}

static struct listing *find_listings(const struct choice *c, int *nr)
{
	struct listing *listings, *l;
	int i;

	*nr = c->nr ? (int)c->mentions[c->nr - 1].listing + 1 : 0;
	listings = xcalloc(*nr, sizeof(*listings));
	for (i = 0; i < c->nr; i++) {
		l = &listings[c->mentions[i].listing];
		if (!l->nr++)
			l->first = i;
		if (c->mentions[i].space) {
			l->full++;
			l->bytes += c->mentions[i].space->nr;
		}
	}
	return listings;
}

/* The most complete one first; of equals the last. */
static int by_content(const void *left, const void *right)
{
	const struct listing *a = left, *b = right;

	if (a->full != b->full)
		return a->full > b->full ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	if (a->nr != b->nr)
		return a->nr > b->nr ? -1 : 1;
	return a->first > b->first ? -1 : 1;
}

/* The same function, as far as both tell: IDs, class, and the buses of a bridge. */
static bool agree(const struct space *a, const struct space *b)
{
	static const unsigned int at[] = { 0, 1, 2, 3, 8, 10, 11, 14 };
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		if (!space_knows(a, at[i]) || !space_knows(b, at[i]) ||
		    a->bytes[at[i]] != b->bytes[at[i]])
			return false;
	return (a->bytes[14] & 0x7f) != 1 ||
	       !memcmp(&a->bytes[0x18], &b->bytes[0x18], 3);
}

static struct mention *find_chosen(const struct choice *c,
				 const struct mention *mention)
{
	struct mention **found = tfind(mention, &c->tree, mention_order);

	return found ? *found : NULL;
}

/*
 * Does a function that is chosen have registers in the listing, too?  In a text
 * without any, it is enough that it is there.
 */
static bool overlaps(const struct choice *c, const struct listing *l,
		     bool blind)
{
	const struct mention *chosen;
	int i;

	for (i = l->first; i < l->first + l->nr; i++) {
		if (!c->mentions[i].space && !blind)
			continue;
		chosen = find_chosen(c, &c->mentions[i]);
		if (chosen && (chosen->space || blind))
			return true;
	}
	return false;
}

static void choose(struct choice *c, struct listing *l)
{
	struct mention *chosen;
	int i;

	for (i = l->first; i < l->first + l->nr; i++) {
		chosen = find_chosen(c, &c->mentions[i]);
		if (!chosen) {
			chosen = &c->functions[c->nr_functions++];
			*chosen = c->mentions[i];
			if (!tsearch(chosen, &c->tree, mention_order))
				fail(STATUS_FAILED, "out of memory");
		} else if (c->mentions[i].space) {
			chosen->space = c->mentions[i].space;
		}
	}
	l->used = true;
}

/* Of a function that two listings tell of, what tells more. */
static void choose_fuller(struct choice *c, const struct listing *l)
{
	int i;

	for (i = l->first; i < l->first + l->nr; i++) {
		struct space *space = c->mentions[i].space;
		struct mention *chosen = find_chosen(c, &c->mentions[i]);

		if (space && chosen && chosen->space &&
		    space->nr > chosen->space->nr &&
		    agree(space, chosen->space))
			chosen->space = space;
	}
}

static void forget(void *mention)
{
	(void)mention;
}

/**
 * mentions_choose() - what counts of a text
 * @mentions: what it says, in its order, with the numbers of listings
 * @nr: how many
 * @functions: where to put what counts, sorted by address; room for @nr
 * @listings: how many listings there are
 * @unused: and how many of them do not count
 *
 * Return: how many functions there are.
 */
int mentions_choose(const struct mention *mentions, int nr,
		    struct mention *functions, unsigned int *listings,
		    unsigned int *unused)
{
	struct choice c = {
		.mentions = mentions, .nr = nr, .functions = functions,
	};
	int n, i;
	struct listing *all = find_listings(&c, &n);
	bool blind;

	qsort(all, n, sizeof(*all), by_content);
	/* Without registers, addresses are no part of a dump that has some */
	blind = n && !all[0].full;
	for (i = 0; i < n; i++)
		if ((all[i].full || blind) &&
		    !overlaps(&c, &all[i], blind))
			choose(&c, &all[i]);
	*listings = n;
	*unused = 0;
	for (i = 0; i < n; i++) {
		if (all[i].used)
			continue;
		choose_fuller(&c, &all[i]);
		++*unused;
	}
	tdestroy(c.tree, forget);
	qsort(functions, c.nr_functions, sizeof(*functions), mention_order);
	free(all);
	return c.nr_functions;
}
