// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that has the NVMe controller of this machine gives memory back and gets
 * it again. What virtio-balloon takes stays where the device finds it; what
 * virtio-mem unplugs is unmapped and unpinned, and is mapped when it is plugged.
 */
#include <string.h>

#include "vmm.h"
#include "mem.h"
#include "take.h"

#include "kselftest_harness.h"

#define NVME_VENDOR	0x1b36
#define NVME_DEVICE	0x0010

#define TIMEOUT_S	3600

#define MIB		(1L << 20)
#define RAM		(256 * MIB)	/* vmm_start()'s */
#define PLUGGED		(128 * MIB)
#define TAKEN		(96 * MIB)	/* by the balloon */
#define SLACK		(16 * MIB)

FIXTURE(discard)
{
	struct vfio_pci nvme;
	struct vmm vmm;
	long mem_total;		/* the guest's, in KiB */
	char answer[4096];
};

FIXTURE_SETUP(discard)
{
	char device[128];
	const char *args[] = {
		"-machine", "q35,memory-backend=ram", "-m", "256,maxmem=1G",
		"-object", "memory-backend-memfd,id=ram,size=256M,share=on",
		"-object", "memory-backend-memfd,id=more,size=256M,share=on",
		"-object", "iommufd,id=iommufd",
		"-device", "pcie-root-port,id=root0,slot=1",
		"-device", "virtio-balloon-pci",
		"-device", "virtio-mem-pci,id=mem,memdev=more,requested-size=0",
		"-device", device, NULL
	};

	self->vmm.shell.fd = -1;
	self->vmm.qmp.fd = -1;
	ASSERT_EQ(0, take(NVME_VENDOR, NVME_DEVICE, &self->nvme, 1));
	snprintf(device, sizeof(device),
		 "vfio-pci,id=nvme,bus=root0,host=%s,iommufd=iommufd",
		 self->nvme.bdf);
	ASSERT_EQ(0, vmm_start(&self->vmm, "discard", args,
			       "memhp_default_state=online_movable")) {
		vmm_show(&self->vmm);
	}
	ASSERT_EQ(0, vmm_wait(&self->vmm)) {
		vmm_show(&self->vmm);
	}
}

FIXTURE_TEARDOWN(discard)
{
	if (!__test_passed(_metadata))
		vmm_show(&self->vmm);
	vmm_kill(&self->vmm);
}

/* The disk is read into memory all over the place, as it was written. */
static void use_disk(struct __test_metadata *_metadata,
		     FIXTURE_DATA(discard) *self)
{
	RUN("n=0; until [ -b /dev/nvme0n1 ] || [ $n = 300 ]; do sleep 0.1; n=$((n + 1)); done");
	RUN("head -c 1048576 /pattern | md5sum >/tmp/sum");
	RUN("for i in 1 2 3 4 5 6 7 8; do dd if=/dev/nvme0n1 of=/tmp/$i bs=1M count=1 iflag=direct 2>/dev/null || false; done");
	RUN("for i in 1 2 3 4 5 6 7 8; do md5sum </tmp/$i | cmp - /tmp/sum || exit; done");
	RUN("rm /tmp/[1-8]; ! dmesg | grep -E 'nvme.*(timeout|polled|reset|abort)'");
}

/* The guest has @size bytes more than at the start, and a bit, or less if negative. */
static void wait_total(struct __test_metadata *_metadata,
		       FIXTURE_DATA(discard) *self, long size)
{
	const char *total = "$(awk '/MemTotal/ { print $2 }' /proc/meminfo)";
	long low = self->mem_total + (size - SLACK) / 1024;
	long high = self->mem_total + (size + SLACK) / 1024;

	RUN("n=0; until [ %s -gt %ld -a %s -lt %ld ]; do sleep 0.1; n=$((n + 1)); [ $n -lt 6000 ] || break; done; echo %s; [ $n -lt 6000 ]",
	    total, low, total, high, total);
}

static void ask_balloon(struct __test_metadata *_metadata,
			FIXTURE_DATA(discard) *self, long taken)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "{\"execute\": \"balloon\", \"arguments\": {\"value\": %ld}}",
		 RAM - taken);
	ASSERT_EQ(0, vmm_qmp(&self->vmm, command));
	wait_total(_metadata, self, -taken);
}

static void ask_mem(struct __test_metadata *_metadata,
		    FIXTURE_DATA(discard) *self, long size)
{
	char command[192];

	snprintf(command, sizeof(command),
		 "{\"execute\": \"qom-set\", \"arguments\": {"
		 "\"path\": \"/machine/peripheral/mem\", "
		 "\"property\": \"requested-size\", \"value\": %ld}}", size);
	ASSERT_EQ(0, vmm_qmp(&self->vmm, command));
	wait_total(_metadata, self, size);
}

/* What files in memory have: a hole that is punched is gone from it. */
static long shmem(void)
{
	return mem_info("Shmem") * 1024;
}

TEST_F_TIMEOUT(discard, virtio, TIMEOUT_S)
{
	const long plugged = PLUGGED / (long)mem_page();
	long pinned, before;

	RUN("awk '/MemTotal/ { print $2 }' /proc/meminfo");
	self->mem_total = atol(self->answer);
	use_disk(_metadata, self);

	pinned = mem_vm_pin(self->vmm.pid);
	EXPECT_LT(RAM / (long)mem_page(), pinned + SLACK / (long)mem_page());
	ask_mem(_metadata, self, PLUGGED);
	EXPECT_EQ(pinned + plugged, mem_vm_pin(self->vmm.pid));
	use_disk(_metadata, self);
	ask_mem(_metadata, self, 0);
	EXPECT_EQ(pinned, mem_vm_pin(self->vmm.pid));
	use_disk(_metadata, self);

	before = shmem();
	ask_balloon(_metadata, self, TAKEN);
	EXPECT_LT(before - SLACK, shmem());
	EXPECT_EQ(pinned, mem_vm_pin(self->vmm.pid));
	ask_balloon(_metadata, self, 0);
	use_disk(_metadata, self);

	/* Without a device it does discard: so it was the device that kept it. */
	ASSERT_EQ(0, vmm_unplug(&self->vmm, "nvme"));
	EXPECT_EQ(0, mem_vm_pin(self->vmm.pid));
	before = shmem();
	ask_balloon(_metadata, self, TAKEN);
	EXPECT_GT(before - TAKEN + SLACK, shmem());
	EXPECT_FALSE(vmm_said(&self->vmm, "failed", NULL));
}

TEST_HARNESS_MAIN
