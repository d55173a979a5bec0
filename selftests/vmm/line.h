/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Talking to a program that speaks in lines, with a limit of time.
 */
#ifndef SELFTESTS_LINE_H
#define SELFTESTS_LINE_H

#include <stddef.h>

/**
 * struct line - one end of a stream socket whose other end speaks in lines
 * @fd: the end that is ours
 * @length: how much of @text has been received and not been taken
 * @text: the beginning of what comes next
 */
struct line {
	int fd;
	size_t length;
	char text[8192];
};

long line_now_ms(void);
int line_get(struct line *line, char *out, size_t size, long deadline);
int line_put(struct line *line, const char *text);

#endif
