// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-kernel users of an IOAS: a file for each, which ends with it.
 *
 * user->lock is held from before pages are pinned until they are in the list, so that
 * the callback, which takes it, never misses any.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "selftest.h"

#define LENGTH_MAX	SZ_16M

/**
 * struct access_user - one in-kernel user
 * @access: the user, as iommufd knows it
 * @pins: it may pin pages
 * @lock: protects the rest
 * @items: struct access_item: what it has pinned
 * @last_id: of an item
 */
struct access_user {
	struct iommufd_access *access;
	bool pins;
	struct mutex lock;
	struct list_head items;
	u32 last_id;
};

/**
 * struct access_item - pages that are pinned
 * @link: in access_user.items
 * @iova: as they were pinned
 * @length: as they were pinned
 * @id: by which the test knows them
 */
struct access_item {
	struct list_head link;
	unsigned long iova;
	unsigned long length;
	u32 id;
};

static void item_unpin(struct access_user *user, struct access_item *item)
{
	lockdep_assert_held(&user->lock);
	list_del(&item->link);
	iommufd_access_unpin_pages(user->access, item->iova, item->length);
	kfree(item);
}

static void access_unmap(void *data, unsigned long iova, unsigned long length)
{
	unsigned long last = iova + length - 1;
	struct access_item *item, *next;
	struct access_user *user = data;

	mutex_lock(&user->lock);
	list_for_each_entry_safe(item, next, &user->items, link)
		if (item->iova <= last && item->iova + item->length - 1 >= iova)
			item_unpin(user, item);
	mutex_unlock(&user->lock);
}

static const struct iommufd_access_ops pinning_ops = {
	.needs_pin_pages = 1,
	.unmap = access_unmap,
};

static const struct iommufd_access_ops copying_ops = {
	.unmap = access_unmap,
};

static int access_release(struct inode *inode, struct file *file)
{
	struct access_user *user = file->private_data;

	if (user->access)
		iommufd_access_destroy(user->access);
	WARN_ON(!list_empty(&user->items));
	mutex_destroy(&user->lock);
	kfree(user);
	return 0;
}

static const struct file_operations access_fops = {
	.owner = THIS_MODULE,
	.release = access_release,
};

static struct file *access_file(bool pins)
{
	struct access_user *user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!user)
		return ERR_PTR(-ENOMEM);
	user->pins = pins;
	mutex_init(&user->lock);
	INIT_LIST_HEAD(&user->items);
	file = anon_inode_getfile("[iommufd_selftest_access]", &access_fops,
				  user, O_RDWR);
	if (IS_ERR(file))
		kfree(user);
	return file;
}

/* The file that the test names, referenced, and the user behind it. */
static struct file *access_get(struct test_call *call,
			       struct access_user **user)
{
	struct file *file = fget(call->arg.id);

	if (file && file->f_op == &access_fops) {
		*user = file->private_data;
		return file;
	}
	if (file)
		fput(file);
	return NULL;
}

static int access_attach(struct test_call *call, struct access_user *user)
{
	struct iommufd_access *access;
	u32 id;

	access = iommufd_access_create(call->ctx, user->pins ? &pinning_ops :
				       &copying_ops, user, &id);
	if (IS_ERR(access))
		return PTR_ERR(access);
	user->access = access;
	return iommufd_access_attach(access, call->arg.id);
}

/**
 * test_create_access - IOMMU_TEST_OP_CREATE_ACCESS
 * @call: id: the IOAS; create_access.flags: whether it pins
 */
int test_create_access(struct test_call *call)
{
	u32 flags = call->arg.create_access.flags;
	struct file *file;
	int fd, rc;

	if (flags & ~MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES)
		return -EOPNOTSUPP;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = access_file(flags);
	rc = PTR_ERR_OR_ZERO(file);
	if (rc)
		goto err_fd;
	rc = access_attach(call, file->private_data);
	if (rc)
		goto err_file;
	call->arg.create_access.out_access_fd = fd;
	rc = test_reply(call);
	if (rc)
		goto err_file;
	fd_install(fd, file);
	return 0;

err_file:
	fput(file);
err_fd:
	put_unused_fd(fd);
	return rc;
}

/**
 * test_access_replace_ioas - IOMMU_TEST_OP_ACCESS_REPLACE_IOAS
 * @call: id: the user; access_replace_ioas.ioas_id: its new IOAS
 */
int test_access_replace_ioas(struct test_call *call)
{
	struct access_user *user;
	struct file *file = access_get(call, &user);
	int rc;

	if (!file)
		return -EBADFD;
	rc = iommufd_access_replace(user->access,
				    call->arg.access_replace_ioas.ioas_id);
	fput(file);
	return rc;
}

/* Are these the pages behind the user's addresses? */
static int compare_pages(unsigned long uptr, struct page **pages,
			 unsigned long npages)
{
	unsigned long i;

	for (i = 0; i < npages; i++) {
		struct page *page;
		int rc = get_user_pages_fast(uptr + i * PAGE_SIZE, 1, 0, &page);

		if (rc != 1)
			return rc < 0 ? rc : -EFAULT;
		put_page(page);
		if (page != pages[i])
			return -EBADE;
	}
	return 0;
}

/* With the user's lock: the item is in its list before anybody can unmap it. */
static int item_pin(struct test_call *call, struct access_user *user,
		    struct access_item *item, struct page **pages,
		    unsigned long npages)
{
	unsigned long uptr = call->arg.access_pages.uptr;
	unsigned int flags = 0;
	int rc;

	lockdep_assert_held(&user->lock);
	if (call->arg.access_pages.flags & MOCK_FLAGS_ACCESS_WRITE)
		flags = IOMMUFD_ACCESS_RW_WRITE;
	rc = iommufd_access_pin_pages(user->access, item->iova, item->length,
				      pages, flags);
	if (rc)
		return rc;
	if (uptr)
		rc = compare_pages(uptr - offset_in_page(item->iova), pages,
				   npages);
	call->arg.access_pages.out_access_pages_id = item->id;
	if (!rc)
		rc = test_reply(call);
	if (rc)
		iommufd_access_unpin_pages(user->access, item->iova,
					   item->length);
	else
		list_add_tail(&item->link, &user->items);
	return rc;
}

static int access_pin(struct test_call *call, struct access_user *user)
{
	unsigned long iova = call->arg.access_pages.iova;
	unsigned long length = call->arg.access_pages.length;
	unsigned long npages = DIV_ROUND_UP(offset_in_page(iova) + length,
					    PAGE_SIZE);
	struct access_item *item;
	struct page **pages;
	int rc = -ENOMEM;

	item = kzalloc(sizeof(*item), GFP_KERNEL_ACCOUNT);
	pages = kvcalloc(npages, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (item && pages) {
		item->iova = iova;
		item->length = length;
		mutex_lock(&user->lock);
		item->id = ++user->last_id;
		rc = item_pin(call, user, item, pages, npages);
		mutex_unlock(&user->lock);
	}
	kvfree(pages);
	if (rc)
		kfree(item);
	return rc;
}

/**
 * test_access_pages - IOMMU_TEST_OP_ACCESS_PAGES
 * @call: id: the user; access_pages: what to pin, and which pages it is
 */
int test_access_pages(struct test_call *call)
{
	struct access_user *user;
	struct file *file;
	int rc = -EOPNOTSUPP;

	if (call->arg.access_pages.length > LENGTH_MAX)
		return -ENOMEM;
	if (call->arg.access_pages.flags & ~MOCK_FLAGS_ACCESS_WRITE)
		return -EOPNOTSUPP;
	file = access_get(call, &user);
	if (!file)
		return -EBADFD;
	if (user->pins)
		rc = access_pin(call, user);
	fput(file);
	return rc;
}

/**
 * test_destroy_access_pages - IOMMU_TEST_OP_DESTROY_ACCESS_PAGES
 * @call: id: the user; destroy_access_pages.access_pages_id: what to unpin
 */
int test_destroy_access_pages(struct test_call *call)
{
	u32 id = call->arg.destroy_access_pages.access_pages_id;
	struct access_item *item;
	struct access_user *user;
	struct file *file = access_get(call, &user);
	int rc = -ENOENT;

	if (!file)
		return -EBADFD;
	mutex_lock(&user->lock);
	list_for_each_entry(item, &user->items, link) {
		if (item->id != id)
			continue;
		item_unpin(user, item);
		rc = 0;
		break;
	}
	mutex_unlock(&user->lock);
	fput(file);
	return rc;
}

static int access_copy(struct test_call *call, struct access_user *user,
		       void *buffer)
{
	void __user *uptr = u64_to_user_ptr(call->arg.access_rw.uptr);
	unsigned long length = call->arg.access_rw.length;
	bool write = call->arg.access_rw.flags & MOCK_ACCESS_RW_WRITE;
	int rc;

	if (write && copy_from_user(buffer, uptr, length))
		return -EFAULT;
	rc = iommufd_access_rw(user->access, call->arg.access_rw.iova, buffer,
			       length, call->arg.access_rw.flags);
	if (!rc && !write && copy_to_user(uptr, buffer, length))
		rc = -EFAULT;
	return rc;
}

/**
 * test_access_rw - IOMMU_TEST_OP_ACCESS_RW
 * @call: id: the user; access_rw: what to copy where
 *
 * MOCK_ACCESS_RW_SLOW_PATH has the value of __IOMMUFD_ACCESS_RW_SLOW_PATH.
 */
int test_access_rw(struct test_call *call)
{
	struct access_user *user;
	struct file *file;
	int rc = -ENOMEM;
	void *buffer;

	static_assert((int)MOCK_ACCESS_RW_WRITE == IOMMUFD_ACCESS_RW_WRITE);
	static_assert((int)MOCK_ACCESS_RW_SLOW_PATH ==
		      __IOMMUFD_ACCESS_RW_SLOW_PATH);

	if (call->arg.access_rw.length > LENGTH_MAX)
		return -ENOMEM;
	if (call->arg.access_rw.flags &
	    ~(MOCK_ACCESS_RW_WRITE | MOCK_ACCESS_RW_SLOW_PATH))
		return -EOPNOTSUPP;
	file = access_get(call, &user);
	if (!file)
		return -EBADFD;
	buffer = kvzalloc(call->arg.access_rw.length, GFP_KERNEL_ACCOUNT);
	if (buffer)
		rc = access_copy(call, user, buffer);
	kvfree(buffer);
	fput(file);
	return rc;
}
