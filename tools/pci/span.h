/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many functions in few words: those that follow one another on a bus are a range.
 */
#ifndef IOASID_SPAN_H
#define IOASID_SPAN_H

struct topology;

char *span_text(const struct topology *t, const int *at, int nr);

#endif
