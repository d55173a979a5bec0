/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First stages of VT-d in the memory of a guest, see guest.h: tables as in 9.8 of the
 * specification.
 */
#ifndef SELFTESTS_LIB_VTD_H
#define SELFTESTS_LIB_VTD_H

#include <stdint.h>

#include "sim.h"

#define VTD_P (1ULL << 0)
#define VTD_RW (1ULL << 1)
#define VTD_US (1ULL << 2)
#define VTD_A (1ULL << 5)
#define VTD_D (1ULL << 6)
#define VTD_PS (1ULL << 7)
#define VTD_EA (1ULL << 10)
#define VTD_XD (1ULL << 63)
#define VTD_ADDR 0x000ffffffffff000ULL
/* What tables have, and pages that all may write to. */
#define VTD_ALL (VTD_P | VTD_RW | VTD_US)

/* A level of the tables, from 1, has so many bytes for each entry. */
#define VTD_SPAN(level) (1ULL << (12 + 9 * ((level) - 1)))

/* Fields of the registers that hardware information has. */
#define VTD_CAP_FS1GP (1ULL << 56)
#define VTD_CAP_FS5LP (1ULL << 60)
#define VTD_ECAP_NEST (1ULL << 26)
#define VTD_ECAP_PRS (1ULL << 29)
#define VTD_ECAP_SRS (1ULL << 31)
#define VTD_ECAP_EAFS (1ULL << 34)
#define VTD_ECAP_PASID (1ULL << 40)
#define VTD_ECAP_PDS (1ULL << 42)
#define VTD_ECAP_SMTS (1ULL << 43)
#define VTD_ECAP_SSADS (1ULL << 45)
#define VTD_ECAP_SSTS (1ULL << 46)
#define VTD_ECAP_FSTS (1ULL << 47)

int vtd_create_without(const char *name, const char *attributes, uint64_t cap,
		       uint64_t ecap);
int vtd_open_without(struct sim *sim, const char *attributes, uint64_t cap,
		     uint64_t ecap);

uint64_t *vtd_entry(struct guest *guest, uint64_t root, uint64_t iova,
		    int level);
int vtd_map(struct guest *guest, uint64_t root, uint64_t iova, uint64_t gpa,
	    int level, uint64_t bits);
uint64_t vtd_root(struct sim *sim);

int vtd_hwpt_fault(const struct sim *sim, uint32_t parent, uint64_t root,
		   uint64_t flags, uint32_t fault, uint32_t *hwpt);
int vtd_hwpt(const struct sim *sim, uint32_t parent, uint64_t root,
	     uint64_t flags, uint32_t *hwpt);
int vtd_invalidate(int fd, uint32_t hwpt, uint64_t addr, uint64_t npages,
		   uint32_t flags);
unsigned int vtd_fault(const char *name);

#endif
