/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of functions, by their indices.
 */
#ifndef IOASID_INDICES_H
#define IOASID_INDICES_H

/**
 * struct indices - functions
 * @at: their indices
 * @nr: how many
 * @size: room in @at
 */
struct indices {
	int *at;
	int nr;
	int size;
};

void indices_add(struct indices *list, int index);
void indices_sort(struct indices *list);

#endif
