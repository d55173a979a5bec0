// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why memory cannot be pinned, in words.
 *
 * get_user_pages() has one errno for everything that may be wrong with an address.
 * So after a failure the address at which it stopped is examined. The sentence says
 * what is found then, which may be wrong if the process changes its memory
 * meanwhile.
 */
#include <linux/hugetlb.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "context/object.h"
#include "context/reason.h"
#include "memory/bar.h"
#include "memory/charge.h"
#include "memory/gather.h"
#include "memory/pin_reason.h"
#include "memory/pinned.h"
#include "memory/rights.h"

/* Length of the second half of the sentence: what is wrong. */
#define CAUSE_LEN	112

static const char *plural(unsigned long n)
{
	return n == 1 ? "" : "s";
}

static int note(const struct pinned *pinned, int rc, const char *cause)
{
	return iommufd_reason_note_secret(
		pinned->ctx, rc, "%lu page%s at %s %#lx cannot be pinned%s: %s",
		pinned->npages, plural(pinned->npages),
		pinned->file ? "file offset" : "user address", pinned->start,
		pinned->writable ? " for writing" : "", cause);
}

/* Could the process itself not access that? */
static bool rights_cause(const struct pinned *pinned,
			 struct vm_area_struct *vma, unsigned long at,
			 char *cause)
{
	const bool write = pinned->writable;

	if (vma_permits(vma, write))
		return false;
	if (write && !(vma->vm_flags & VM_WRITE))
		snprintf(cause, CAUSE_LEN, "%#lx is mapped read-only", at);
	else if (!write && !(vma->vm_flags & VM_READ))
		snprintf(cause, CAUSE_LEN, "%#lx is not readable", at);
	else
		snprintf(cause, CAUSE_LEN,
			 "%#lx has a protection key that the thread may not use",
			 at);
	return true;
}

/* A mapping without pages. */
static void device_memory(const struct pinned *pinned,
			  struct vm_area_struct *vma, unsigned long at,
			  char *cause)
{
	char name[32];

	if (vma->vm_file &&
	    iommufd_bar_is_off(pinned->ctx, file_inode(vma->vm_file)->i_rdev,
			       name, sizeof(name)))
		snprintf(cause, CAUSE_LEN,
			 "the memory decoding of %s is off, or it is powered down",
			 name);
	else if (!rights_cause(pinned, vma, at, cause))
		snprintf(cause, CAUSE_LEN,
			 "%#lx is device memory, and not all of it the BAR of one device that is bound here and decodes",
			 at);
}

/* Is it forbidden to pin the pages of this file for long? */
static bool forbids_pins(const struct pinned *pinned,
			 const struct vm_area_struct *vma)
{
	return vma->vm_file && !iommufd_gather_has_folios(vma->vm_file) &&
	       ((pinned->writable && vma->vm_flags & VM_SHARED) ||
		vma_is_fsdax((struct vm_area_struct *)vma));
}

static bool is_behind_end(const struct vm_area_struct *vma, unsigned long at)
{
	unsigned long index = vma->vm_pgoff +
			      ((at - vma->vm_start) >> PAGE_SHIFT);

	return vma->vm_file &&
	       index >= DIV_ROUND_UP(i_size_read(file_inode(vma->vm_file)),
				     PAGE_SIZE);
}

/*
 * With the mmap lock held. Returns false if nothing is wrong with the mapping: then
 * it is the page; *@huge is the size of huge pages, if it is made of such.
 */
static bool mapping_cause(const struct pinned *pinned, unsigned long at,
			  char *cause, unsigned long *huge)
{
	struct vm_area_struct *vma = vma_lookup(pinned->account->mm, at);

	if (!vma)
		snprintf(cause, CAUSE_LEN, "nothing is mapped at %#lx", at);
	else if (vma->vm_flags & (VM_IO | VM_PFNMAP))
		device_memory(pinned, vma, at, cause);
	else if (vma->vm_file &&
		 file_inode(vma->vm_file)->i_sb->s_magic == SECRETMEM_MAGIC)
		snprintf(cause, CAUSE_LEN, "%#lx is secret memory (memfd_secret)",
			 at);
	else if (rights_cause(pinned, vma, at, cause))
		;
	else if (forbids_pins(pinned, vma))
		snprintf(cause, CAUSE_LEN,
			 "%#lx is of a file on %s: only anonymous memory, memfd, tmpfs and hugetlbfs can",
			 at, file_inode(vma->vm_file)->i_sb->s_type->name);
	else if (is_behind_end(vma, at))
		snprintf(cause, CAUSE_LEN, "%#lx is behind the end of its file",
			 at);
	else
		goto good;
	return true;
good:
	*huge = is_vm_hugetlb_page(vma) ? huge_page_size(hstate_vma(vma)) : 0;
	return false;
}

static bool has_failed(const struct pinned *pinned, unsigned long at)
{
	struct mm_struct *mm = pinned->account->mm;
	int locked = 1;
	long rc;

	if (mmap_read_lock_killable(mm))
		return false;
	rc = get_user_pages_remote(mm, at, 1, FOLL_HWPOISON |
				   (pinned->writable ? FOLL_WRITE : 0),
				   NULL, &locked);
	if (locked)
		mmap_read_unlock(mm);
	return rc == -EHWPOISON;
}

static void no_huge_page(unsigned long size, char *cause)
{
	snprintf(cause, CAUSE_LEN, "no huge page of %lu kB is free", size >> 10);
}

static void user_cause(const struct pinned *pinned, unsigned long at, int rc,
		       char *cause)
{
	struct mm_struct *mm = pinned->account->mm;
	unsigned long huge = 0;
	bool known = true;

	if (at >= TASK_SIZE_MAX) {
		snprintf(cause, CAUSE_LEN, "%#lx is not an address of a process", at);
		return;
	}
	if (!mmget_not_zero(mm)) {
		snprintf(cause, CAUSE_LEN, "the process that mapped it has gone");
		return;
	}
	if (!mmap_read_lock_killable(mm)) {
		known = mapping_cause(pinned, at, cause, &huge);
		mmap_read_unlock(mm);
	}
	if (known)
		;
	else if (rc == -EFAULT && has_failed(pinned, at))
		snprintf(cause, CAUSE_LEN, "the memory at %#lx has failed", at);
	else if (huge)
		no_huge_page(huge, cause);
	else if (rc == -ENOMEM)
		snprintf(cause, CAUSE_LEN, "memory is short");
	else
		snprintf(cause, CAUSE_LEN, "what is mapped at %#lx cannot be brought in",
			 at);
	mmput(mm);
}

static void file_cause(const struct pinned *pinned, unsigned long at, int rc,
		       char *cause)
{
	const loff_t end = i_size_read(file_inode(pinned->file));
	const bool huge = is_hugetlb_file(pinned->file);

	if (rc == -EHWPOISON)
		snprintf(cause, CAUSE_LEN, "the memory at %#lx has failed", at);
	else if (rc == -EINVAL &&
		 pinned->start + pinned->npages * PAGE_SIZE > end)
		snprintf(cause, CAUSE_LEN, "the file ends at %#llx", end);
	else if (rc == -EINVAL)
		snprintf(cause, CAUSE_LEN,
			 "there is a hole, and the file is not open for writing");
	else if (rc == -ENOMEM && huge)
		no_huge_page(huge_page_size(hstate_file(pinned->file)), cause);
	else if (rc == -ENOMEM)
		snprintf(cause, CAUSE_LEN,
			 "its file system is full, or memory is short");
	else
		snprintf(cause, CAUSE_LEN, "what is at %#lx cannot be brought in", at);
}

/**
 * iommufd_pin_reason - explain why memory could not be pinned
 * @pinned: the memory
 * @page: index of the first page that could not be
 * @rc: the errno; -ESTALE: not the pages that in-kernel users have
 *
 * Return: the errno that the user is to have.
 */
int iommufd_pin_reason(const struct pinned *pinned, unsigned long page, int rc)
{
	const unsigned long at = pinned->start + page * PAGE_SIZE;
	char cause[CAUSE_LEN] = "";

	if (rc == -EINTR)
		return rc;
	if (rc == -ESTALE)
		return note(pinned, -EFAULT,
			    "other pages than an in-kernel user has pinned there");
	if (pinned->file)
		file_cause(pinned, at, rc, cause);
	else
		user_cause(pinned, at, rc, cause);
	/* No sentence for a thread that is being killed. */
	return cause[0] ? note(pinned, rc, cause) : rc;
}

/**
 * iommufd_pin_reason_limit - explain that memory could not be paid for
 * @pinned: the memory
 *
 * Return: -ENOMEM.
 */
int iommufd_pin_reason_limit(const struct pinned *pinned)
{
	const struct account *account = pinned->account;
	const bool user = account->to == CHARGE_USER;
	unsigned long left = iommufd_tally_left(account->user);
	unsigned long locked = user ? atomic_long_read(&account->user->locked_vm) :
				      READ_ONCE(account->mm->locked_vm) + left;
	char cause[CAUSE_LEN];
	int n;

	n = scnprintf(cause, CAUSE_LEN,
		      "RLIMIT_MEMLOCK of the %s is %lu page%s, %lu of them in use",
		      user ? "user" : "process", account->limit,
		      plural(account->limit), locked);
	if (left)
		scnprintf(cause + n, CAUSE_LEN - n,
			  ", %lu of these by processes of the user that have gone",
			  left);
	return note(pinned, -ENOMEM, cause);
}

/**
 * iommufd_pin_reason_bar - explain that it is a BAR, but nobody's
 * @pinned: the memory
 *
 * Return: -EFAULT.
 */
int iommufd_pin_reason_bar(const struct pinned *pinned)
{
	return note(pinned, -EFAULT,
		    "it is not the BAR of one device that is bound here");
}

/**
 * iommufd_pin_reason_file - explain why a file cannot be mapped
 * @ctx: the context
 * @file: the file
 * @writable: it is to be written to
 * @rc: the errno of iommufd_gather_check_file(), or -EINVAL: one without folios
 *
 * Return: @rc.
 */
int iommufd_pin_reason_file(struct iommufd_ctx *ctx, const struct file *file,
			    bool writable, int rc)
{
	const char *why;

	if (!iommufd_gather_has_folios(file))
		why = "only files of memfd, tmpfs and hugetlbfs can be mapped";
	else if (!(file->f_mode & FMODE_READ))
		why = "the file is not open for reading";
	else if (rc == -EPERM && writable && !(file->f_mode & FMODE_WRITE))
		why = "the file is not open for writing";
	else if (rc == -EPERM && writable)
		why = "the file is sealed against writing";
	else if (file->f_mode & FMODE_WRITE && IS_APPEND(file_inode(file)))
		why = "the file is open for writing, and append-only";
	else
		why = "a security module does not permit it";
	return iommufd_reason_note(ctx, rc, "%s", why);
}
