/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines that fit a terminal: standard output, broken between words.
 */
#ifndef IOASID_WRAP_H
#define IOASID_WRAP_H

void wrap_begin(unsigned int width);
void wrap_end(void);
unsigned int wrap_width(void);

#endif
