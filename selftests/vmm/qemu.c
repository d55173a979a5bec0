// SPDX-License-Identifier: GPL-2.0-only
/*
 * An unmodified QEMU gives the NVMe controller of this machine to a guest, in
 * the ways that users do. Debian's kernel uses the disk there, loses the
 * controller, gets it back, and finds what it has written.
 */
#include <string.h>
#include <unistd.h>

#include "vmm.h"
#include "mem.h"
#include "take.h"

#include "kselftest_harness.h"

#define NVME_VENDOR	0x1b36
#define NVME_DEVICE	0x0010

#define TIMEOUT_S	3600

#define DISK		"/dev/nvme0n1"

FIXTURE(qemu)
{
	struct vfio_pci nvme;
	struct vmm vmm;
	long pinned;
	long start_ms;
	char plug[256];
	char answer[4096];
};

/*
 * A way to give the device to a guest:
 * @name: of the logs
 * @too_wide: it cannot be done: the guest's addresses are wider than the host's
 * @legacy: through a VFIO container that is /dev/iommu
 * @viommu: behind an IOMMU that the guest has
 * @map_file: the RAM is mapped by IOMMU_IOAS_MAP_FILE
 * @args: arguments of QEMU
 * @append: the guest kernel's command line
 */
FIXTURE_VARIANT(qemu)
{
	const char *name;
	bool too_wide;
	bool legacy;
	bool viommu;
	bool map_file;
	const char *args[8];
	const char *append;
};

FIXTURE_VARIANT_ADD(qemu, iommufd) {
	.name = "iommufd",
	.args = { "-machine", "q35", "-object", "iommufd,id=iommufd" },
	.append = "",
};

FIXTURE_VARIANT_ADD(qemu, memfd) {
	.name = "memfd",
	.map_file = true,
	.args = { "-machine", "q35,memory-backend=ram",
		  "-object", "memory-backend-memfd,id=ram,size=256M,share=on",
		  "-object", "iommufd,id=iommufd" },
	.append = "",
};

/* The guest's addresses are no wider than those that the host's IOMMU has. */
FIXTURE_VARIANT_ADD(qemu, viommu) {
	.name = "viommu",
	.viommu = true,
	.args = { "-machine", "q35", "-object", "iommufd,id=iommufd",
		  "-device", "intel-iommu,caching-mode=on,aw-bits=39" },
	.append = "intel_iommu=on",
};

FIXTURE_VARIANT_ADD(qemu, legacy) {
	.name = "legacy",
	.legacy = true,
	.args = { "-machine", "q35" },
	.append = "",
};

/* QEMU asks for the host's width before it opens the device. */
FIXTURE_VARIANT_ADD(qemu, too_wide) {
	.name = "too_wide",
	.too_wide = true,
	.legacy = true,
	.args = { "-machine", "q35",
		  "-device", "intel-iommu,caching-mode=on,aw-bits=48" },
	.append = "",
};

FIXTURE_SETUP(qemu)
{
	self->vmm.shell.fd = -1;
	self->vmm.qmp.fd = -1;
	ASSERT_EQ(0, take(NVME_VENDOR, NVME_DEVICE, &self->nvme, 1));
	ASSERT_EQ(0, give_container(variant->legacy ? "../iommu" : NULL));
	/* What the test before has left, if it was killed, takes a moment */
	self->pinned = mem_wait_pinned(0);
	self->start_ms = line_now_ms();
	snprintf(self->plug, sizeof(self->plug),
		 "{\"execute\": \"device_add\", \"arguments\": {"
		 "\"driver\": \"vfio-pci\", \"id\": \"nvme\", "
		 "\"bus\": \"root0\", \"host\": \"%s\"%s}}", self->nvme.bdf,
		 variant->legacy ? "" : ", \"iommufd\": \"iommufd\"");
}

FIXTURE_TEARDOWN(qemu)
{
	if (!__test_passed(_metadata))
		vmm_show(&self->vmm);
	vmm_kill(&self->vmm);
	give_container(NULL);
}

/* What takes minutes says where it is. */
static void say(const FIXTURE_DATA(qemu) *self, const char *what)
{
	printf("# %s after %ld s\n", what,
	       (line_now_ms() - self->start_ms) / 1000);
	fflush(stdout);
}

static int start(FIXTURE_DATA(qemu) *self, const FIXTURE_VARIANT(qemu) *variant)
{
	const char *args[16] = {};
	char device[128];
	int n = 0;

	snprintf(device, sizeof(device), "vfio-pci,id=nvme,bus=root0,host=%s%s",
		 self->nvme.bdf, variant->legacy ? "" : ",iommufd=iommufd");
	while (variant->args[n]) {
		args[n] = variant->args[n];
		n++;
	}
	args[n++] = "-device";
	args[n++] = "pcie-root-port,id=root0,slot=1";
	args[n++] = "-device";
	args[n++] = device;
	return vmm_start(&self->vmm, variant->name, args, variant->append);
}

/* The guest's driver has found the controller and the disk on it. */
static void wait_for_disk(struct __test_metadata *_metadata,
			  FIXTURE_DATA(qemu) *self)
{
	RUN("n=0; until [ -b " DISK " ] || [ $n = 300 ]; do sleep 0.1; n=$((n + 1)); done; [ -b " DISK " ]");
}

static long interrupts(FIXTURE_DATA(qemu) *self)
{
	int rc = vmm_run(&self->vmm, self->answer, sizeof(self->answer),
			   "awk '/nvme0q1/ { print $2 }' /proc/interrupts");

	return rc ? -1 : atol(self->answer);
}

/*
 * The disk's first MiB is what the host has put there; another one is written
 * and read again. Each of 32 transfers ends with an interrupt: a driver that
 * gets none finds out by and by that they have ended, and says so.
 */
static void use_disk(struct __test_metadata *_metadata,
		     FIXTURE_DATA(qemu) *self)
{
	const char *dd = "dd bs=64k count=16 2>/dev/null";
	long before = interrupts(self);

	RUN("%s if=" DISK " iflag=direct | cmp - /pattern", dd);
	RUN("%s if=/dev/urandom iflag=fullblock of=/tmp/written", dd);
	RUN("%s if=/tmp/written of=" DISK " seek=16 oflag=direct", dd);
	RUN("%s if=" DISK " skip=16 iflag=direct | cmp - /tmp/written", dd);
	EXPECT_LE(before + 3 * 16, interrupts(self));
	RUN("! dmesg | grep -E 'nvme.*(timeout|polled|reset|abort)'");
}

/*
 * QEMU maps what it has of the device's registers, for other devices that have
 * been given to the guest.
 */
static void check_bar(struct __test_metadata *_metadata,
		      FIXTURE_DATA(qemu) *self)
{
	unsigned long bar = 0;
	char iova[32];

	RUN("cat /sys/class/nvme/nvme0/device/resource");
	EXPECT_EQ(1, sscanf(self->answer, "%lx", &bar));
	snprintf(iova, sizeof(iova), "iova=0x%lx ", bar);
	EXPECT_TRUE(vmm_said(&self->vmm, "iommufd_backend_map_dma", iova));
}

static void check_way(struct __test_metadata *_metadata,
		      FIXTURE_DATA(qemu) *self,
		      const FIXTURE_VARIANT(qemu) *variant)
{
	struct vmm *vmm = &self->vmm;

	EXPECT_EQ(1, vmm_open_files(vmm, "/dev/iommu"));
	EXPECT_EQ(0, vmm_open_files(vmm, "/dev/vfio/vfio"));
	EXPECT_EQ(variant->legacy ? 0 : 1,
		  vmm_open_files(vmm, "/dev/vfio/devices/"));
	EXPECT_EQ(variant->map_file,
		  vmm_said(vmm, "iommufd_backend_map_file_dma", " (0)"));
	if (variant->viommu) {
		RUN("cat /sys/class/nvme/nvme0/device/iommu_group/type");
		EXPECT_EQ(0, strncmp("DMA", self->answer, 3)) {
			TH_LOG("%s", self->answer);
		}
	} else if (!variant->legacy) {
		check_bar(_metadata, self);
	}
}

/*
 * All that QEMU has asked for has been done. To empty an address space it unmaps
 * all of it, which fails where nothing is: that has a trace of its own.
 */
static void check_log(struct __test_metadata *_metadata,
		      FIXTURE_DATA(qemu) *self)
{
	EXPECT_FALSE(vmm_said(&self->vmm, "iommufd_backend_map_", " (-"));
	EXPECT_FALSE(vmm_said(&self->vmm, "iommufd_backend_unmap_dma ", " (-"));
	EXPECT_FALSE(vmm_said(&self->vmm, "failed", NULL));
	EXPECT_FALSE(vmm_said(&self->vmm, "Bad address", NULL));
}

TEST_F_TIMEOUT(qemu, disk, TIMEOUT_S)
{
	const char *iommu = getenv("VM_IOMMU");

	if (variant->too_wide) {
		if (!iommu || strcmp(iommu, "intel"))
			SKIP(return, "the host's IOMMU is as wide");
		EXPECT_EQ(-EPIPE, start(self, variant));
		EXPECT_TRUE(vmm_said(&self->vmm, "aw-bits 48 > host aw-bits",
				     NULL));
		return;
	}
	ASSERT_EQ(0, start(self, variant)) {
		vmm_show(&self->vmm);
	}
	ASSERT_EQ(0, vmm_wait(&self->vmm)) {
		vmm_show(&self->vmm);
	}
	say(self, "booted");
	wait_for_disk(_metadata, self);
	use_disk(_metadata, self);
	check_way(_metadata, self, variant);
	EXPECT_LT(self->pinned, mem_pinned());
	say(self, "used the disk");

	ASSERT_EQ(0, vmm_unplug(&self->vmm, "nvme"));
	RUN("! ls /dev/nvme*");
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_EQ(0, vmm_open_files(&self->vmm, "/dev/vfio/"));

	say(self, "unplugged");
	ASSERT_EQ(0, vmm_qmp(&self->vmm, self->plug));
	wait_for_disk(_metadata, self);
	RUN("dd bs=64k count=16 if=" DISK " skip=16 iflag=direct 2>/dev/null | cmp - /tmp/written");
	use_disk(_metadata, self);

	say(self, "plugged, used the disk");

	EXPECT_EQ(0, vmm_power_off(&self->vmm));
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	check_log(_metadata, self);
}

TEST_HARNESS_MAIN
