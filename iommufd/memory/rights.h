/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process may do at its own addresses.
 */
#ifndef IOMMUFD_RIGHTS_H
#define IOMMUFD_RIGHTS_H

#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/sched.h>

/**
 * vma_permits - may memory be accessed through this mapping?
 * @vma: the mapping; the mmap lock is held
 * @write: it is to be written to, otherwise to be read
 *
 * get_user_pages asks the same. Whatever finds memory in another way has to ask here: a
 * mapping without permissions has page table entries all the same.
 *
 * A protection key is a matter of the calling thread, and counts only for addresses of
 * its own process.
 *
 * Return: whether it may.
 */
static inline bool vma_permits(struct vm_area_struct *vma, bool write)
{
	return vma->vm_flags & (write ? VM_WRITE : VM_READ) &&
	       arch_vma_access_permitted(vma, write, false,
					 vma->vm_mm != current->mm);
}

#endif
