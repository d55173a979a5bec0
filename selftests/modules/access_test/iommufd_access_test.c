// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that emulates nothing: every ioctl of its device is one call of
 * the in-kernel access API of iommufd, so that a program can test that API.
 * For tests only.
 *
 * Locks, in this order:
 *   op      read: the access stays; write: it is made or destroyed
 *   change  one attach, replace or detach at a time
 *   lock    pins, events and policy; held over pin_pages() and unpin_pages()
 *           so that the unmap callback, which takes it as well, never misses
 *           a range that is being pinned
 * The callback runs under op and change of its own file (replace, detach,
 * destroy) or of nobody (unmap), so unpinning by the user takes only lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/ioasid_kernel.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "access_test.h"

/* Pages that one pin may have: 256 MiB */
#define PIN_PAGES_MAX (1UL << 16)

/**
 * struct at_pin - one successful iommufd_access_pin_pages()
 * @node: in the pins of the file
 * @iova: first byte
 * @length: bytes
 * @pages: what the API returned
 */
struct at_pin {
	struct list_head node;
	unsigned long iova;
	unsigned long length;
	struct page *pages[];
};

/**
 * struct at_file - one open file
 * @op: see the head of this file
 * @change: see the head of this file
 * @lock: see the head of this file
 * @access: the access, or NULL
 * @attached: it has an IOAS
 * @can_pin: made with ACCESS_TEST_PINS
 * @policy: of enum access_test_policy
 * @pins: of struct at_pin
 * @unpinned: wakes callbacks that wait for the user
 * @changes: of the pins or the policy, so that a callback sees that it has to
 *	look again
 * @happened: wakes readers
 * @events: a ring
 * @head: events ever put in
 * @tail: events ever taken out
 */
struct at_file {
	struct rw_semaphore op;
	struct mutex change;
	struct mutex lock;
	struct iommufd_access *access;
	bool attached;
	bool can_pin;
	u32 policy;
	struct list_head pins;
	wait_queue_head_t unpinned;
	unsigned int changes;
	wait_queue_head_t happened;
	struct access_test_event events[ACCESS_TEST_EVENTS];
	unsigned int head;
	unsigned int tail;
};

static bool overlaps(const struct at_pin *pin, unsigned long iova,
		     unsigned long length)
{
	/* Lengths of 0 do not occur; iova + length - 1 does not wrap */
	return pin->iova <= iova + (length - 1) &&
	       iova <= pin->iova + (pin->length - 1);
}

static struct at_pin *find_overlap(struct at_file *at, unsigned long iova,
				   unsigned long length)
{
	struct at_pin *pin;

	lockdep_assert_held(&at->lock);
	list_for_each_entry(pin, &at->pins, node)
		if (overlaps(pin, iova, length))
			return pin;
	return NULL;
}

static void changed(struct at_file *at)
{
	lockdep_assert_held(&at->lock);
	WRITE_ONCE(at->changes, at->changes + 1);
	wake_up_all(&at->unpinned);
}

static void unpin(struct at_file *at, struct at_pin *pin)
{
	lockdep_assert_held(&at->lock);
	iommufd_access_unpin_pages(at->access, pin->iova, pin->length);
	list_del(&pin->node);
	kvfree(pin);
	changed(at);
}

static void at_unmap(void *data, unsigned long iova, unsigned long length)
{
	struct at_file *at = data;
	struct at_pin *pin;
	unsigned int seen;
	int rc = 0;

	mutex_lock(&at->lock);
	if (at->head - at->tail < ACCESS_TEST_EVENTS)
		at->events[at->head++ % ACCESS_TEST_EVENTS] =
			(struct access_test_event){ iova, length };
	wake_up_all(&at->happened);

	/* A user who was killed cannot unpin any more: then do it for him */
	while (!rc && at->policy == ACCESS_TEST_HOLD &&
	       find_overlap(at, iova, length)) {
		seen = at->changes;
		mutex_unlock(&at->lock);
		rc = wait_event_killable(at->unpinned,
					 READ_ONCE(at->changes) != seen);
		mutex_lock(&at->lock);
	}
	while ((pin = find_overlap(at, iova, length)))
		unpin(at, pin);
	mutex_unlock(&at->lock);
}

static const struct iommufd_access_ops pin_ops = {
	.needs_pin_pages = 1,
	.unmap = at_unmap,
};

static const struct iommufd_access_ops rw_ops = {
	.unmap = at_unmap,
};

static const struct iommufd_access_ops rw_only_ops = {
};

static struct iommufd_ctx *get_ctx(int fd, bool by_file)
{
	struct iommufd_ctx *ictx;
	struct file *file;

	if (!by_file)
		return iommufd_ctx_from_fd(fd);
	file = fget(fd);
	if (!file)
		return ERR_PTR(-EBADF);
	ictx = iommufd_ctx_from_file(file);
	fput(file);
	return ictx;
}

static long at_create(struct at_file *at, void __user *arg)
{
	const struct iommufd_access_ops *ops;
	struct access_test_create cmd;
	struct iommufd_access *access;
	struct iommufd_ctx *ictx;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	if (cmd.flags & ACCESS_TEST_PINS)
		ops = &pin_ops;
	else if (cmd.flags & ACCESS_TEST_NO_UNMAP)
		ops = &rw_only_ops;
	else
		ops = &rw_ops;

	guard(rwsem_write)(&at->op);
	if (at->access)
		return -EBUSY;
	ictx = get_ctx(cmd.iommufd, cmd.flags & ACCESS_TEST_BY_FILE);
	if (IS_ERR(ictx))
		return PTR_ERR(ictx);
	access = iommufd_access_create(ictx, ops, at, &cmd.out_id);
	/* The access holds a reference of its own */
	iommufd_ctx_put(ictx);
	if (IS_ERR(access))
		return PTR_ERR(access);
	if (copy_to_user(arg, &cmd, sizeof(cmd))) {
		iommufd_access_destroy(access);
		return -EFAULT;
	}
	at->can_pin = cmd.flags & ACCESS_TEST_PINS;
	at->access = access;
	return 0;
}

static long at_destroy(struct at_file *at)
{
	guard(rwsem_write)(&at->op);
	if (!at->access)
		return -ENODEV;
	iommufd_access_destroy(at->access);
	WARN_ON(!list_empty(&at->pins));
	at->access = NULL;
	at->attached = false;
	return 0;
}

static long at_attach(struct at_file *at, u32 ioas_id)
{
	long rc;

	guard(rwsem_read)(&at->op);
	if (!at->access)
		return -ENODEV;
	guard(mutex)(&at->change);
	if (at->attached)
		return -EBUSY;
	rc = iommufd_access_attach(at->access, ioas_id);
	if (!rc)
		at->attached = true;
	return rc;
}

static long at_replace(struct at_file *at, u32 ioas_id)
{
	guard(rwsem_read)(&at->op);
	if (!at->access)
		return -ENODEV;
	guard(mutex)(&at->change);
	return iommufd_access_replace(at->access, ioas_id);
}

static long at_detach(struct at_file *at)
{
	guard(rwsem_read)(&at->op);
	if (!at->access)
		return -ENODEV;
	guard(mutex)(&at->change);
	if (!at->attached)
		return -EINVAL;
	iommufd_access_detach(at->access);
	at->attached = false;
	return 0;
}

static long put_pfns(const struct access_test_pin *cmd, struct page **pages)
{
	u64 __user *to = u64_to_user_ptr(cmd->pfns);
	u32 i;

	for (i = 0; i < cmd->num_pfns && pages[i]; i++)
		if (put_user((u64)page_to_pfn(pages[i]), &to[i]))
			return -EFAULT;
	return 0;
}

static long at_pin_range(struct at_file *at, void __user *arg)
{
	struct access_test_pin cmd;
	unsigned long npages;
	struct at_pin *pin;
	long rc;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	/* One more for a range that begins or ends inside a page */
	npages = cmd.length / PAGE_SIZE + 2;
	if (npages > PIN_PAGES_MAX)
		return -E2BIG;

	guard(rwsem_read)(&at->op);
	if (!at->access)
		return -ENODEV;
	if (!at->can_pin)
		return -EINVAL;
	/* And one that stays NULL */
	pin = kvzalloc(struct_size(pin, pages, npages + 1), GFP_KERNEL);
	if (!pin)
		return -ENOMEM;
	pin->iova = cmd.iova;
	pin->length = cmd.length;

	mutex_lock(&at->lock);
	rc = iommufd_access_pin_pages(at->access, cmd.iova, cmd.length,
				      pin->pages, cmd.flags);
	if (rc) {
		mutex_unlock(&at->lock);
		kvfree(pin);
		return rc;
	}
	list_add_tail(&pin->node, &at->pins);
	if (cmd.pfns) {
		rc = put_pfns(&cmd, pin->pages);
		if (rc)
			unpin(at, pin);
	}
	mutex_unlock(&at->lock);
	return rc;
}

static long at_unpin_range(struct at_file *at, void __user *arg)
{
	struct access_test_pin cmd;
	struct at_pin *pin;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	guard(mutex)(&at->lock);
	list_for_each_entry(pin, &at->pins, node) {
		if (pin->iova != cmd.iova || pin->length != cmd.length)
			continue;
		unpin(at, pin);
		return 0;
	}
	return -ENOENT;
}

/**
 * struct at_rw_work - iommufd_access_rw() in a kernel thread
 * @work: runs at_rw_fn()
 * @access: as the function's parameter
 * @buf: as the function's parameter
 * @cmd: the rest
 * @rc: what it returned
 */
struct at_rw_work {
	struct work_struct work;
	struct iommufd_access *access;
	void *buf;
	struct access_test_rw cmd;
	long rc;
};

static void at_rw_fn(struct work_struct *work)
{
	struct at_rw_work *rw = container_of(work, struct at_rw_work, work);

	rw->rc = iommufd_access_rw(rw->access, rw->cmd.iova, rw->buf,
				   rw->cmd.length, rw->cmd.flags);
}

static long call_rw(struct at_file *at, const struct access_test_rw *cmd,
		    void *buf)
{
	struct at_rw_work rw = { .buf = buf, .cmd = *cmd };

	guard(rwsem_read)(&at->op);
	if (!at->access)
		return -ENODEV;
	rw.access = at->access;
	if (!(cmd->flags & IOMMUFD_ACCESS_RW_KTHREAD)) {
		at_rw_fn(&rw.work);
		return rw.rc;
	}
	INIT_WORK_ONSTACK(&rw.work, at_rw_fn);
	queue_work(system_unbound_wq, &rw.work);
	flush_work(&rw.work);
	destroy_work_on_stack(&rw.work);
	return rw.rc;
}

/* Copies between @buf and the pages of a pin that holds the whole range. */
static long call_peek(struct at_file *at, const struct access_test_rw *cmd,
		      void *buf)
{
	unsigned long offset, done, part;
	struct at_pin *pin;
	void *at_page;

	guard(mutex)(&at->lock);
	list_for_each_entry(pin, &at->pins, node)
		if (cmd->iova >= pin->iova && cmd->length <= pin->length &&
		    cmd->iova - pin->iova <= pin->length - cmd->length)
			break;
	if (list_entry_is_head(pin, &at->pins, node))
		return -ENOENT;

	offset = offset_in_page(pin->iova) + (cmd->iova - pin->iova);
	for (done = 0; done < cmd->length; done += part, offset += part) {
		part = min(cmd->length - done,
			   PAGE_SIZE - offset_in_page(offset));
		at_page = kmap_local_page(pin->pages[offset / PAGE_SIZE]) +
			  offset_in_page(offset);
		if (cmd->flags & IOMMUFD_ACCESS_RW_WRITE)
			memcpy(at_page, buf + done, part);
		else
			memcpy(buf + done, at_page, part);
		kunmap_local(at_page);
	}
	return 0;
}

static long at_copy(struct at_file *at, void __user *arg,
		    long (*copy)(struct at_file *at,
				 const struct access_test_rw *cmd, void *buf))
{
	struct access_test_rw cmd;
	void __user *data;
	void *buf;
	long rc;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	if (cmd.length > ACCESS_TEST_RW_MAX)
		return -E2BIG;
	data = u64_to_user_ptr(cmd.data);
	/* Exactly the length, so that KASAN sees a copy that is too long */
	buf = kvzalloc(cmd.length, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	rc = -EFAULT;
	if ((cmd.flags & IOMMUFD_ACCESS_RW_WRITE) &&
	    copy_from_user(buf, data, cmd.length))
		goto out_free;
	rc = copy(at, &cmd, buf);
	if (!rc && !(cmd.flags & IOMMUFD_ACCESS_RW_WRITE) &&
	    copy_to_user(data, buf, cmd.length))
		rc = -EFAULT;
out_free:
	kvfree(buf);
	return rc;
}

static long at_set_policy(struct at_file *at, unsigned long policy)
{
	if (policy > ACCESS_TEST_HOLD)
		return -EINVAL;
	mutex_lock(&at->lock);
	at->policy = policy;
	changed(at);
	mutex_unlock(&at->lock);
	return 0;
}

static long at_compat(unsigned int cmd, int fd)
{
	struct iommufd_ctx *ictx;
	u32 id = 0;
	long rc;

	ictx = iommufd_ctx_from_fd(fd);
	if (IS_ERR(ictx))
		return PTR_ERR(ictx);
	switch (cmd) {
	case ACCESS_TEST_COMPAT_CREATE:
		rc = iommufd_vfio_compat_ioas_create(ictx);
		break;
	case ACCESS_TEST_COMPAT_GET_ID:
		rc = iommufd_vfio_compat_ioas_get_id(ictx, &id);
		if (!rc)
			rc = id;
		break;
	default:
		rc = iommufd_vfio_compat_set_no_iommu(ictx);
		break;
	}
	iommufd_ctx_put(ictx);
	return rc;
}

static long at_mmap_odd(void)
{
	long odd = 0;

#ifdef CONFIG_PER_VMA_LOCK
	mmap_read_lock(current->mm);
	odd = current->mm->mm_lock_seq.sequence & 1;
	mmap_read_unlock(current->mm);
#endif
	return odd;
}

static long at_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct at_file *at = filp->private_data;
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case ACCESS_TEST_CREATE:
		return at_create(at, uarg);
	case ACCESS_TEST_DESTROY:
		return at_destroy(at);
	case ACCESS_TEST_ATTACH:
		return at_attach(at, arg);
	case ACCESS_TEST_REPLACE:
		return at_replace(at, arg);
	case ACCESS_TEST_DETACH:
		return at_detach(at);
	case ACCESS_TEST_PIN:
		return at_pin_range(at, uarg);
	case ACCESS_TEST_UNPIN_RANGE:
		return at_unpin_range(at, uarg);
	case ACCESS_TEST_RW:
		return at_copy(at, uarg, call_rw);
	case ACCESS_TEST_PEEK:
		return at_copy(at, uarg, call_peek);
	case ACCESS_TEST_SET_POLICY:
		return at_set_policy(at, arg);
	case ACCESS_TEST_COMPAT_CREATE:
	case ACCESS_TEST_COMPAT_GET_ID:
	case ACCESS_TEST_COMPAT_NO_IOMMU:
		return at_compat(cmd, arg);
	case ACCESS_TEST_MMAP_ODD:
		return at_mmap_odd();
	default:
		return -ENOTTY;
	}
}

static ssize_t at_read(struct file *filp, char __user *to, size_t len,
		       loff_t *pos)
{
	struct at_file *at = filp->private_data;
	struct access_test_event event;

	if (len < sizeof(event))
		return -EINVAL;
	mutex_lock(&at->lock);
	if (at->head == at->tail) {
		mutex_unlock(&at->lock);
		return -EAGAIN;
	}
	event = at->events[at->tail++ % ACCESS_TEST_EVENTS];
	mutex_unlock(&at->lock);
	return copy_to_user(to, &event, sizeof(event)) ? -EFAULT :
							 sizeof(event);
}

static __poll_t at_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct at_file *at = filp->private_data;
	__poll_t mask = 0;

	poll_wait(filp, &at->happened, wait);
	mutex_lock(&at->lock);
	if (at->head != at->tail)
		mask = EPOLLIN | EPOLLRDNORM;
	mutex_unlock(&at->lock);
	return mask;
}

static int at_open(struct inode *inode, struct file *filp)
{
	struct at_file *at = kzalloc(sizeof(*at), GFP_KERNEL);

	if (!at)
		return -ENOMEM;
	init_rwsem(&at->op);
	mutex_init(&at->change);
	mutex_init(&at->lock);
	INIT_LIST_HEAD(&at->pins);
	init_waitqueue_head(&at->unpinned);
	init_waitqueue_head(&at->happened);
	filp->private_data = at;
	return 0;
}

static int at_release(struct inode *inode, struct file *filp)
{
	struct at_file *at = filp->private_data;

	at_set_policy(at, ACCESS_TEST_UNPIN);
	at_destroy(at);
	kfree(at);
	return 0;
}

static const struct file_operations at_fops = {
	.owner = THIS_MODULE,
	.open = at_open,
	.release = at_release,
	.read = at_read,
	.poll = at_poll,
	.unlocked_ioctl = at_ioctl,
};

static struct miscdevice at_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iommufd_access_test",
	.fops = &at_fops,
	.mode = 0600,
};
module_misc_device(at_misc);

MODULE_IMPORT_NS("IOMMUFD");
MODULE_IMPORT_NS("IOMMUFD_VFIO");
MODULE_DESCRIPTION("Calls iommufd's in-kernel access API for tests");
MODULE_LICENSE("GPL");
