/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioasid isolation graph.
 */
#ifndef IOASID_GRAPH_H
#define IOASID_GRAPH_H

#include "command.h"

enum status graph(struct session *session, int argc, char **argv);

#endif
