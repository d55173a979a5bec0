# SPDX-License-Identifier: GPL-2.0-only
#
# What people type; the kernel build reads Kbuild.  Everything generated is
# under build/.  V=1 shows the commands of the kernel build.  All but make deb and what
# is about the packages is for the series of kernels KERNEL=, see scripts/series.

help:
	@echo 'All of it for another series of kernels, in build/SERIES: KERNEL=7.3'
	@echo
	@echo 'make modules      the modules, into build/modules'
	@echo 'make install      install them for the kernel KVER=RELEASE|all, and the tool'
	@echo 'make uninstall    undo that, for all kernels'
	@echo 'make deb          Debian packages of all of it, into build/deb'
	@echo 'make check-deb    what is in them; check-packages: what they do, in chroots'
	@echo 'make demo         a device does DMA through /dev/iommu, in a virtual machine'
	@echo 'make unit         tests of single files, in user space: a second'
	@echo 'make check        the tests, on the stock kernel'
	@echo 'make check-install  what make install does, on a machine of directories'
	@echo 'make check-debug  the same on a debug kernel, which is built first'
	@echo 'make check-kernels  build for all kernels of the series: KERNELS= BOOT=1'
	@echo 'make next         what does not compile on the newest kernel of SUITES='
	@echo 'make soak         everything at once: SECONDS= SEED= IOMMU= KIND= KCOV='
	@echo 'make check-vmm    QEMU and DPDK, unmodified, on the modules (downloads them): STEPS='
	@echo 'make check-host   the packages on whole Debian machines: STEPS= SUITE='
	@echo 'make tools        the tool ioasid, into build/tools'
	@echo 'make docs         the man pages, into build/man'
	@echo 'make check-tools  its tests: output, and predictions against the kernel'
	@echo 'make fuzz-tool    dumps of any kind for it, from libFuzzer: SECONDS='
	@echo 'make shell        a shell in a virtual machine with the modules'
	@echo 'make nested-shell a shell in a guest with first stages: FUNCTION= OVERLAY='
	@echo 'make bench        instructions per map and unmap, ours and the peers'
	@echo 'make bench-check  some of them against a table that is committed: ROWS='
	@echo 'make lint         floors, manuals, shellcheck, checkpatch, W=1, sparse'
	@echo 'make clean        remove build/'

# The scripts read it, too.
ifndef KERNEL
KERNEL := $(shell scripts/series)
endif
export KERNEL
# make 4.3 gives the shell its own environment.
script = $(shell KERNEL='$(KERNEL)' scripts/$(1))
B := $(call script,series --build)
ifeq ($(B),)
$(error no such series of kernels)
endif

# Those to install for, and the one that everything else is about.
ifeq ($(KVER),all)
kernels := $(call script,kernel-version --all)
override KVER := $(call script,kernel-version)
other_kernels := $(filter-out $(KVER),$(kernels))
else
kernels = $(KVER)
endif
KVER ?= $(call script,kernel-version)
KDIR ?= $(call script,kernel-headers $(KVER))
tarball = $(call script,kernel-headers --source $(KVER))

MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

# setup-build, setup-vm, ...: the packages that it takes, see scripts/setup.  All that
# the goals take are named at once, and not one job after the other.
jobs := $(foreach goal,modules debug kcsan kcov peers tests test-programs unit demo \
	  shell bench soak bench-check check check-debug check-tools check-vmm nested-shell check-install lint install,$(goal):build) \
	$(foreach goal,test-programs demo shell bench bench-check soak check check-debug \
	  check-install,$(goal):vm) \
	$(foreach goal,check check-tools check-vmm,$(goal):tools) \
	$(foreach goal,check-debug soak debug kcsan kcov,$(goal):debug) \
	check-tools:vm check-tools:fuzz fuzz-tool:tools fuzz-tool:fuzz check-vmm:vm check-vmm:vmm \
	nested-shell:vm nested-shell:vmm lint:lint docs:docs deb:deb \
	check-deb:build check-deb:deb check-packages:deb check-packages:packages \
	check-host:build check-host:deb check-host:host check-kernels:kernels next:kernels \
	tools:tools install:tools install:docs install-tools:tools install-tools:docs
goal_jobs = $(sort $(foreach goal,$(MAKECMDGOALS), \
	      $(patsubst $(goal):%,%,$(filter $(goal):%,$(jobs)))))

setup-%:
	@scripts/setup $* $(filter-out $*,$(goal_jobs))

# Packages are updated with dates of the past: go by their versions.
$(B)/versions: FORCE | setup-build
	@scripts/keep $@ scripts/package-versions $(KVER)

FORCE:

# The linux-source package ----------------------------------------------------

unpacked := drivers/vfio drivers/iommu/iommufd drivers/iommu/iommu-priv.h \
	    lib/interval_tree.c lib/rbtree.c \
	    include/linux/interval_tree.h \
	    include/linux/interval_tree_generic.h include/linux/rbtree.h \
	    include/linux/rbtree_augmented.h include/linux/rbtree_types.h \
	    include/uapi/linux/iommufd.h \
	    include/uapi/linux/vfio.h tools/testing/selftests/kselftest.h \
	    tools/testing/selftests/kselftest_harness.h \
	    tools/testing/selftests/iommu scripts/checkpatch.pl \
	    scripts/const_structs.checkpatch scripts/spelling.txt

$(B)/unpacked: FORCE
	@scripts/keep $@ echo $(unpacked)

$(B)/src/.unpacked: $(B)/versions $(B)/unpacked scripts/unpack-source
	@echo 'unpacking VFIO from the linux-source package'
	@scripts/unpack-source $(tarball) $(B)/src $(unpacked)
	@touch $@

# VFIO with our changes.  That of the in-tree peer has none.
patches := $(sort $(wildcard vfio/patches/$(KERNEL)/*.patch))

$(B)/patches: FORCE
	@scripts/keep $@ echo $(patches)

$(B)/patched/.patched: $(B)/src/.unpacked $(B)/patches $(patches) \
			scripts/patch-source
	@scripts/patch-source $(B)/src $(B)/patched drivers/vfio $(patches)
	@touch $@

# The kernel's own: those of libc6-dev may be older, and then know no __counted_by().
$(B)/uapi: $(B)/src/.unpacked
	@mkdir -p $@/linux
	@for header in iommufd vfio; do \
		sed 's/ __user / /; s/ __counted_by([a-z_]*)//' \
			$(B)/src/include/uapi/linux/$$header.h \
			>$@/linux/$$header.h; \
	done
	@touch $@

# The limit of a test is for what hangs.  The harness's is for real CPUs: emulated, on a
# busy host and a debug kernel, a test takes that long which has nothing wrong.
$(B)/kselftest: $(B)/src/.unpacked Makefile
	@mkdir -p $@
	@cp $(B)/src/tools/testing/selftests/*.h $@
	@sed -i 's/^\(#define TEST_TIMEOUT_DEFAULT\) .*/\1 300/' $@/kselftest_harness.h
	@touch $@

# Modules ---------------------------------------------------------------------

ours := VERSION iommufd include $(B)/patched/drivers/vfio vfio \
	$(wildcard selftests/modules) selftests/iosim
# What the kernel's own tests of iommufd take besides.
door := selftests/conformance $(B)/src/drivers/iommu/iommufd/iommufd_test.h
intree := $(B)/src/drivers/iommu/iommufd $(B)/src/drivers/iommu/iommu-priv.h \
	  $(B)/src/lib/interval_tree.c selftests/peers/intree/iommufd \
	  $(B)/src/drivers/vfio vfio include $(wildcard selftests/modules) \
	  selftests/iosim
sources = $(shell find $(filter-out $(B)/%,$(1)) -name '*.[ch]' -o -name Kbuild \
	    -o -name VERSION)

modules: $(B)/modules/load-order
peers: $(B)/peers/intree/load-order
debug: $(B)/debug/modules/load-order

$(B)/modules/load-order: $(B)/patched/.patched scripts/build-modules \
			  $(call sources,$(ours))
	@echo 'building iommufd and VFIO for $(KVER)'
	@scripts/build-modules $(KDIR) $(B)/kmod $(@D) $(ours)

# Where the modules were built: what both have is not compiled twice.
$(B)/test-door/load-order: $(B)/modules/load-order $(call sources,$(door))
	@echo 'building iommufd for its tests by the kernel'
	@IOMMUFD_TEST=y scripts/build-modules $(KDIR) $(B)/kmod $(@D) $(ours) $(door)

$(B)/debug/test-door/load-order: $(B)/debug/modules/load-order $(call sources,$(door))
	@echo 'building iommufd for its tests by the kernel, debug'
	@IOMMUFD_TEST=y scripts/build-modules $(B)/debug/kernel $(B)/debug/kmod \
		$(@D) $(ours) $(door)

$(B)/peers/intree/load-order: $(B)/src/.unpacked scripts/build-modules \
			       $(call sources,$(intree))
	@echo 'building the in-tree iommufd and VFIO for $(KVER)'
	@scripts/build-modules $(KDIR) $(B)/peers/intree.work $(@D) $(intree)

$(B)/debug/modules/load-order: $(B)/debug/bzImage $(B)/patched/.patched \
				scripts/build-modules $(call sources,$(ours))
	@echo 'building iommufd and VFIO for the debug kernel'
	@scripts/build-modules $(B)/debug/kernel $(B)/debug/kmod $(@D) $(ours)

debug_config := $(wildcard selftests/vm/debug.config selftests/vm/debug-$(KERNEL).config)

$(B)/debug/bzImage: $(B)/versions selftests/vm/debug-kernel $(debug_config) \
		     | setup-debug
	@echo 'building the debug kernel (some minutes)'
	@selftests/vm/debug-kernel $(tarball) $$(cut -d ' ' -f 2 $<) $(@D)

kcsan: $(B)/kcsan/modules/load-order
kcov: $(B)/kcov/modules/load-order

$(B)/kcsan/bzImage: $(B)/versions selftests/vm/debug-kernel $(debug_config) \
		     selftests/vm/kcsan.config | setup-debug
	@echo 'building the kernel that looks for data races (some minutes)'
	@KCSAN_SANITIZE=n selftests/vm/debug-kernel $(tarball) \
		$$(cut -d ' ' -f 2 $<) $(@D) selftests/vm/kcsan.config

$(B)/kcsan/modules/load-order: $(B)/kcsan/bzImage $(B)/src/.unpacked \
				scripts/build-modules $(call sources,$(ours))
	@echo 'building iommufd and VFIO for it'
	@scripts/build-modules $(B)/kcsan/kernel $(B)/kcsan/kmod $(@D) $(ours)

# For the debug kernel: what it reaches is noted, and where that is in the source.
$(B)/kcov/modules/load-order: $(B)/debug/bzImage $(B)/src/.unpacked \
			       scripts/build-modules $(call sources,$(ours))
	@echo 'building iommufd and VFIO for the debug kernel, with KCOV'
	@KCOV_INSTRUMENT=y KCFLAGS=-g scripts/build-modules $(B)/debug/kernel \
		$(B)/kcov/kmod $(@D) $(ours)

.PHONY: kcsan kcov

# Tests -----------------------------------------------------------------------

CFLAGS ?= -O2 -g
# The harness of Linux 7 makes static what a fixture consists of, used or not.
test_cflags := -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function -static -pthread \
	       -isystem $(B)/uapi -isystem $(B)/kselftest \
	       -Iinclude/uapi -Iselftests/lib
test_headers := $(wildcard selftests/lib/*.h include/uapi/linux/*.h)
compile = $(CC) $(test_cflags) $(CFLAGS)
# Of the test programs, which there are many of, half the time that it takes to compile them.
PROGRAM_CFLAGS ?= -Og

lib := $(patsubst selftests/lib/%.c,$(B)/lib/%.o, \
	 $(wildcard selftests/lib/*.c))
# By what they need, see selftests/check.
program_sources := $(wildcard $(foreach folder,plain edu sim, \
		     selftests/iommufd/$(folder)/*.c))
programs := $(addprefix $(B)/tests/,$(notdir $(program_sources:.c=)))
ifneq ($(words $(programs)),$(words $(sort $(programs))))
$(error two test programs of the same name)
endif

tests: $(programs)

# What check and check-debug run in machines, for who makes both at once.
test-programs: tests $(kernel_tests)

$(B)/lib/%.o: selftests/lib/%.c $(test_headers) | $(B)/uapi \
		     $(B)/kselftest
	@mkdir -p $(@D)
	@$(compile) -c -o $@ $<

# test_program FOLDER: one source, and the headers that those of a folder share.
define test_program
$(B)/tests/%: selftests/iommufd/$(1)/%.c \
	       $(wildcard selftests/iommufd/$(1)/*.h) $(lib)
	@mkdir -p $$(@D)
	@$$(CC) $$(test_cflags) $$(PROGRAM_CFLAGS) -o $$@ $$(filter %.c %.o,$$^)
endef
$(foreach folder,plain edu sim,$(eval $(call test_program,$(folder))))

$(B)/demo/%: selftests/demo/%.c $(lib)
	@mkdir -p $(@D)
	@$(compile) -o $@ $^

# The kernel's own tests of iommufd, as they are in the linux-source package.  What they
# include may lack what they use.
kernel_tests := $(B)/conformance/iommufd $(B)/conformance/iommufd_fail_nth

$(B)/conformance/newer.h: selftests/conformance/newer $(B)/src/.unpacked
	@mkdir -p $(@D)
	@$< $(B)/src/include/uapi/linux/iommufd.h \
		$(B)/src/drivers/iommu/iommufd/iommufd_test.h >$@

$(kernel_tests): $(B)/conformance/%: $(B)/conformance/newer.h \
		 selftests/conformance/patient.h | $(B)/uapi $(B)/kselftest setup-vm
	@$(CC) -std=gnu11 -Wall -Wno-unused-function -static -D_GNU_SOURCE= \
		$(PROGRAM_CFLAGS) -isystem $(B)/uapi -isystem $(B)/kselftest \
		$(addprefix -include ,$^) \
		-o $@ $(B)/src/tools/testing/selftests/iommu/$*.c -lcap

# What needs no kernel: files of the module as they are, in user space, on the kernel's
# own trees and the few headers in selftests/unit/include.
unit_tests := $(addprefix $(B)/unit/,runs area ranges pfnmap)
unit_cflags := -std=gnu11 -Wall -Wextra -Werror -MMD -MP -g -O1 \
	       -fsanitize=address,undefined -fno-sanitize-recover=all \
	       -Iselftests/unit/include -Iselftests/unit -Iiommufd \
	       -isystem $(B)/src/include -isystem $(B)/kselftest
unit_kernel := $(addprefix $(B)/unit/kernel/,rbtree.o interval_tree.o)
unit_common := $(B)/unit/unit.o $(B)/unit/slab.o $(unit_kernel)
unit_compile = @mkdir -p $(@D); $(CC) $(unit_cflags) -c -o $@

unit: $(unit_tests)
	@SEED='$(SEED)' selftests/unit/run $^

$(B)/unit/runs: $(B)/unit/iommufd/memory/runs.o
$(B)/unit/area: $(B)/unit/iommufd/space/area.o
$(B)/unit/ranges: $(B)/unit/iommufd/space/ranges.o
$(B)/unit/pfnmap: $(addprefix $(B)/unit/,pagetable.o $(addprefix iommufd/memory/,pfnmap.o runs.o))

$(unit_tests): %: %.o $(unit_common)
	@$(CC) $(unit_cflags) -o $@ $^

$(B)/unit/%.o: selftests/unit/%.c $(B)/src/.unpacked | $(B)/kselftest
	$(unit_compile) $<

$(B)/unit/iommufd/%.o: iommufd/%.c $(B)/src/.unpacked
	$(unit_compile) -Wno-sign-compare $<

$(unit_kernel): $(B)/unit/kernel/%.o: $(B)/src/.unpacked
	$(unit_compile) -w $(B)/src/lib/$*.c

-include $(unit_tests:=.d) $(unit_common:.o=.d) $(B)/unit/pagetable.d \
	$(wildcard $(B)/unit/iommufd/*/*.d)

.PHONY: unit

# Making, as an ordinary user, and make install, on a machine of directories.
check-install: | setup-build setup-vm
	@selftests/install/check

.PHONY: check-install

check: modules $(B)/test-door/load-order tests tools $(kernel_tests) \
       $(unit_tests) | setup-vm
	@UNIT='$(unit_tests)' selftests/check stock $(programs)

check-debug: debug $(B)/debug/test-door/load-order tests $(kernel_tests) | setup-vm
	@MACHINES='$(MACHINES)' selftests/check debug $(programs)

# Everything at once, for SECONDS=, by SEED=, under IOMMU=intel or amd, on KIND=stock,
# debug or kcsan; with KCOV=1, which code of the module that has reached.
SECONDS ?= 60
KIND ?= debug

soak: $(B)/soak/soak soak-$(KIND) | setup-vm
	@SEED='$(SEED)' IOMMU='$(IOMMU)' KIND='$(KIND)' KCOV='$(KCOV)' \
		SKIP='$(SKIP)' ACCEL='$(ACCEL)' selftests/soak/run $< $(SECONDS)

soak-stock: modules
soak-debug: $(if $(KCOV),kcov,debug)
soak-kcsan: kcsan

$(B)/soak/soak: $(wildcard selftests/soak/*.c) $(lib) \
		 $(wildcard selftests/soak/*.h)
	@mkdir -p $(@D)
	@$(compile) -Iselftests/soak -o $@ $(filter %.c %.o,$^)

.PHONY: soak soak-stock soak-debug soak-kcsan

# Every kernel of the series whose headers the archive has, or those that match one of
# KERNELS=; with BOOT=1, they are booted, too.
check-kernels: $(if $(BOOT),tests) | \
	       $(if $(BOOT),setup-vm) setup-kernels
	@set -f; selftests/kernels/run $(if $(BOOT),--boot) $(KERNELS)

# The newest kernel that SUITES= of Debian have: what would be to do.
next: | setup-kernels
	@selftests/kernels/next $(SUITES)

.PHONY: check-kernels next

# Programs that are not ours -------------------------------------------------

vmm := $(B)/vmm/viable $(B)/vmm/testpmd $(B)/vmm/qemu $(B)/vmm/discard
vmm_lib := $(addprefix selftests/vmm/,vmm.c line.c take.c nesting.c)

$(B)/vmm/%: selftests/vmm/%.c $(vmm_lib) $(wildcard selftests/vmm/*.h) $(lib)
	@mkdir -p $(@D)
	@$(compile) -Iselftests/vmm -o $@ $(filter %.c %.o,$^)

build/vmm/userland.img: selftests/vmm/userland selftests/vmm/image | setup-vmm
	@echo 'downloading QEMU and DPDK'
	@selftests/vmm/userland $(@D)

$(B)/vmm/initramfs: selftests/vmm/inner selftests/vmm/inner-init \
		     selftests/vm/kernel-modules $(B)/versions \
		     | setup-vm setup-vmm
	@selftests/vmm/inner $(KVER) $(@D)

# With another QEMU, see nested-shell.
build/vmm/own/userland.img: build/vmm/userland.img selftests/vmm/overlay \
			    $(wildcard $(OVERLAY)/usr/bin/qemu-system-x86_64)
	@selftests/vmm/overlay $< '$(OVERLAY)' $@

# A guest that has booted, for those whose devices are simulated.
$(B)/vmm/nested.state $(B)/vmm/own/nested.state: \
$(B)/%/nested.state: selftests/vmm/booted selftests/vmm/inner-init \
		     selftests/vmm/nesting.h build/%/userland.img \
		     $(B)/vmm/initramfs $(B)/modules/load-order
	@echo 'booting a guest'
	@mkdir -p $(@D)
	@selftests/vmm/booted $(B)/modules build/$*/userland.img \
		$(B)/vmm/vmlinux $@

check-vmm: modules $(vmm) $(B)/vmm/nested $(B)/vmm/shell build/vmm/userland.img $(B)/vmm/initramfs \
	   $(B)/vmm/nested.state
	@STEPS='$(STEPS)' selftests/vmm/check $(vmm)

# The packages on whole Debian machines, see selftests/host/run.
build/host/dma: selftests/host/dma.c $(lib)
	@mkdir -p $(@D)
	@$(compile) -o $@ $^

check-host: build/host/dma deb modules | setup-host
	@selftests/host/run $(if $(SUITE),--suite $(SUITE)) $(STEPS)

demo: modules $(B)/demo/demo | setup-vm
	@selftests/vm/run --no-tap --name demo $(B)/demo/demo

shell: modules | setup-vm
	@selftests/vm/run --shell

# A guest with first stages, of an unmodified QEMU, and a simulated function in it, with
# the attributes FUNCTION= besides.  OVERLAY= is what make install of a QEMU of your own
# has put into DESTDIR.
own := vmm$(if $(OVERLAY),/own)
nested-shell: modules $(B)/vmm/shell build/$(own)/userland.img $(B)/vmm/initramfs \
	      $(B)/$(own)/nested.state | setup-vm
	@selftests/vmm/nested-shell build/$(own)/userland.img \
		$(B)/$(own)/nested.state $(FUNCTION)

bench: modules peers $(B)/uapi | setup-vm
	@selftests/bench/run

# Against the figures that are committed: for six rows, ROWS= or ROWS=--all.
bench-check: | setup-build setup-vm
	@selftests/bench/check $(ROWS)

# How long long commands keep others waiting.
$(B)/bench/stall: $(wildcard selftests/bench/stall/*.[ch]) $(lib) \
		   $(addprefix selftests/bench/,memory.c memory.h peer.c peer.h)
	@mkdir -p $(@D)
	@$(compile) -o $@ $(filter %.c %.o,$^)

.PHONY: bench-check

lint: modules $(B)/uapi | setup-lint
	@scripts/lint $(KDIR)

# The tool ioasid -------------------------------------------------------------

tools_cflags := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror \
		-MMD -MP -isystem /usr/include/libnl3 -Itools -Iinclude/uapi
tools_objects := $(patsubst tools/%.c,build/tools/%.o, \
		   $(wildcard tools/*.c tools/*/*.c))

tools: build/tools/ioasid

build/tools/%.o: tools/%.c | setup-tools
	@mkdir -p $(@D)
	@$(CC) $(tools_cflags) $(CFLAGS) -c -o $@ $<

build/tools/main.o: VERSION
build/tools/main.o: tools_cflags += -DVERSION='"$(shell cat VERSION)"'

build/tools/ioasid: $(tools_objects)
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpci -ljansson -lz \
		-lnl-genl-3 -lnl-3

-include $(tools_objects:.o=.d)

# The tool with sanitizers, and without main(), for libFuzzer: for SECONDS=.
fuzz := build/fuzz/ioasid
fuzz_sources := $(filter-out tools/main.c,$(wildcard tools/*.c tools/*/*.c)) \
		selftests/tools/fuzz/fuzz.c
fuzz_objects := $(patsubst %.c,build/fuzz/%.o,$(fuzz_sources))

build/fuzz/%.o: %.c | setup-fuzz
	@mkdir -p $(@D)
	@clang $(tools_cflags) -g -O1 -fsanitize=fuzzer-no-link,address,undefined \
		-fno-sanitize-recover=undefined -c -o $@ $<

$(fuzz): $(fuzz_objects)
	@clang -fsanitize=fuzzer,address,undefined -Wl,--wrap=exit -o $@ $^ \
		-lpci -ljansson -lz -lnl-genl-3 -lnl-3

-include $(fuzz_objects:.o=.d)

fuzz-tool: $(fuzz)
	@selftests/tools/fuzz/run $(fuzz) $(SECONDS)

.PHONY: fuzz-tool

# A test that is linked with the tool's own objects.
build/tools/model: selftests/tools/model.c \
		   $(filter-out build/tools/main.o,$(tools_objects))
	@$(CC) $(tools_cflags) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpci -ljansson -lz \
		-lnl-genl-3 -lnl-3

# What it prints, what it predicts, and what the kernel then does.
tools_helpers := $(addprefix $(B)/tools/,p2p-dma hold keep)

check-tools: tools build/tools/model $(fuzz) $(tools_helpers) modules | setup-vm
	@selftests/tools/check

$(tools_helpers): $(B)/tools/%: selftests/tools/%.c $(lib)
	@mkdir -p $(@D)
	@$(compile) -o $@ $< $(lib)

man_sections := 4 7 8
man_pages := $(patsubst tools/man/%,build/man/%.gz, \
	       $(wildcard $(man_sections:%=tools/man/*.%)))

docs: $(man_pages)

build/man/%.gz: tools/man/% | setup-docs
	@mkdir -p $(@D)
	@mandoc -T lint -W warning $<
	@gzip -9n <$< >$@

install-tools: tools docs
	install -D -m 755 build/tools/ioasid $(DESTDIR)$(PREFIX)/bin/ioasid
	for page in $(man_pages); do \
		section=$${page%.gz}; \
		install -D -m 644 -t \
			$(DESTDIR)$(PREFIX)/share/man/man$${section##*.} \
			$$page || exit; \
	done
	install -D -m 644 tools/completion/ioasid \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/ioasid
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/ioasid/schema \
		tools/schema/*.json

uninstall-tools:
	rm -rf $(DESTDIR)$(PREFIX)/share/ioasid
	rm -f $(DESTDIR)$(PREFIX)/bin/ioasid \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/ioasid \
		$(foreach section,$(man_sections),$(patsubst build/man/%, \
			$(DESTDIR)$(PREFIX)/share/man/man$(section)/%, \
			$(filter %.$(section).gz,$(man_pages))))

.PHONY: tools check-tools docs install-tools uninstall-tools

# Packages --------------------------------------------------------------------

deb: | setup-deb
	@scripts/deb

build/ioasid.pc: packaging/ioasid.pc.in VERSION
	@mkdir -p $(@D)
	@sed "s/@VERSION@/$$(cat VERSION)/" $< >$@

# What is in them, and what they do to a Debian 12 and a 13.
check-deb: modules | setup-deb
	@selftests/packages/check-deb

check-packages: deb | setup-packages
	@selftests/packages/run $(if $(SUITE),--suite $(SUITE)) $(CASES)

.PHONY: deb check-deb check-packages

# Installing ------------------------------------------------------------------

PREFIX ?= /usr/local
install_modules = DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' scripts/install-modules
installed = $(if $(filter $(KVER),$(kernels)),$(KVER) $(B)/modules) \
	    $(foreach kernel,$(other_kernels),$(kernel) $(B)/kernels/$(kernel))

$(B)/kernels/%/.built: $(B)/patched/.patched scripts/build-modules \
			$(call sources,$(ours))
	@echo 'building iommufd and VFIO for $*'
	@scripts/build-modules --no-order $$(scripts/kernel-headers $*) \
		$(B)/kernels/$*.work $(@D) $(ours)
	@touch $@

may-install:
	@$(install_modules) --may

install: may-install modules install-tools \
	 $(foreach kernel,$(other_kernels),$(B)/kernels/$(kernel)/.built)
	@$(if $(kernels),,exit 1)
	@$(install_modules) $(installed)

uninstall: uninstall-tools
	@$(install_modules) --uninstall

clean:
	rm -rf build

.PHONY: help FORCE modules peers debug tests test-programs check check-debug check-vmm \
	check-host demo shell nested-shell bench lint may-install install uninstall clean
