/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A whole file in memory, be it compressed, standard input, or too large.
 */
#ifndef IOASID_FILE_H
#define IOASID_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Of a compressed file, what comes out of it: lspci -nnvvvxxxx writes 16 KiB a function */
#define FILE_LIMIT (256UL << 20)

/**
 * struct file_text - what is in a file
 * @bytes: that, and a zero
 * @size: without the zero
 * @broken: it is compressed, and breaks off
 */
struct file_text {
	char *bytes;
	size_t size;
	bool broken;
};

void file_read(struct file_text *text, const char *name);

#endif
