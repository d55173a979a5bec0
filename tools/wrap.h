/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines that fit a terminal, broken between words.
 */
#ifndef IOASID_WRAP_H
#define IOASID_WRAP_H

void wrap_begin(unsigned int width);
void wrap_end(void);
void wrap_errors(unsigned int width);
void wrap_error(const char *text);
unsigned int wrap_width(int fd);

#endif
