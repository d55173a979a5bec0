// SPDX-License-Identifier: GPL-2.0-only
#include "pci/indices.h"

#include <stdlib.h>

#include "output.h"

/**
 * indices_add() - one more
 * @list: where to
 * @index: a function
 */
void indices_add(struct indices *list, int index)
{
	if (list->nr == list->size) {
		list->size = list->size ? 2 * list->size : 16;
		list->at = xrealloc(list->at, list->size, sizeof(*list->at));
	}
	list->at[list->nr++] = index;
}

static int ascending(const void *left, const void *right)
{
	int a = *(const int *)left, b = *(const int *)right;

	return (a > b) - (a < b);
}

/**
 * indices_sort() - put them into the order of the machine
 * @list: the functions
 */
void indices_sort(struct indices *list)
{
	if (list->nr > 1)
		qsort(list->at, list->nr, sizeof(*list->at), ascending);
}
