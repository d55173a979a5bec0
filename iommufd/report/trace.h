/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events, for trace-cmd, perf and tracefs: Documentation/tracing.rst says how they
 * are used.
 *
 * Their system is ioasid, as the tool and the netlink family are called: the kernel's own
 * iommufd has none so far, and may once have some that are other ones. Contexts, IOASes,
 * page tables and PASIDs are numbered as there. No field is an address of user memory;
 * the sentence of ioasid_failed may name one.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ioasid

#if !defined(IOMMUFD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define IOMMUFD_TRACE_H

#include <linux/iommu.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

/* What a mapping permits. */
#define show_prot(prot)							\
	__print_flags(prot, "", { IOMMU_READ, "r" }, { IOMMU_WRITE, "w" })

/* What a device asks for. */
#define show_perm(perm)							\
	__print_flags(perm, "", { IOMMU_FAULT_PERM_READ, "r" },		\
		      { IOMMU_FAULT_PERM_WRITE, "w" },			\
		      { IOMMU_FAULT_PERM_EXEC, "x" },			\
		      { IOMMU_FAULT_PERM_PRIV, "p" })

/* A mapping is there (result 0), or is given up: it had a place, and no more. */
TRACE_EVENT(ioasid_map,
	TP_PROTO(u32 context, u32 ioas, u64 iova, u64 length, u8 prot,
		 bool in_use, int result),
	TP_ARGS(context, ioas, iova, length, prot, in_use, result),
	TP_STRUCT__entry(
		__field(u64, iova)
		__field(u64, length)
		__field(u32, context)
		__field(u32, ioas)
		__field(int, result)
		__field(u8, prot)
		__field(bool, in_use)
	),
	TP_fast_assign(
		__entry->iova = iova;
		__entry->length = length;
		__entry->context = context;
		__entry->ioas = ioas;
		__entry->result = result;
		__entry->prot = prot;
		__entry->in_use = in_use;
	),
	TP_printk("context=%u ioas=%u iova=%#llx length=%#llx prot=%s in_use=%u result=%d",
		  __entry->context, __entry->ioas, __entry->iova,
		  __entry->length, show_prot(__entry->prot), __entry->in_use,
		  __entry->result)
);

/* A mapping goes (result 0), or a driver has not unmapped it: it stays. */
TRACE_EVENT(ioasid_unmap,
	TP_PROTO(u32 context, u32 ioas, u64 iova, u64 length, int result),
	TP_ARGS(context, ioas, iova, length, result),
	TP_STRUCT__entry(
		__field(u64, iova)
		__field(u64, length)
		__field(u32, context)
		__field(u32, ioas)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->iova = iova;
		__entry->length = length;
		__entry->context = context;
		__entry->ioas = ioas;
		__entry->result = result;
	),
	TP_printk("context=%u ioas=%u iova=%#llx length=%#llx result=%d",
		  __entry->context, __entry->ioas, __entry->iova,
		  __entry->length, __entry->result)
);

/* A range does not translate any more, without its IOAS having been asked. */
TRACE_EVENT(ioasid_lost,
	TP_PROTO(u32 context, u32 ioas, u64 iova, u64 length),
	TP_ARGS(context, ioas, iova, length),
	TP_STRUCT__entry(
		__field(u64, iova)
		__field(u64, length)
		__field(u32, context)
		__field(u32, ioas)
	),
	TP_fast_assign(
		__entry->iova = iova;
		__entry->length = length;
		__entry->context = context;
		__entry->ioas = ioas;
	),
	TP_printk("context=%u ioas=%u iova=%#llx length=%#llx",
		  __entry->context, __entry->ioas, __entry->iova,
		  __entry->length)
);

DECLARE_EVENT_CLASS(ioasid_attachment,
	TP_PROTO(u32 context, const char *device, u32 pasid, u32 hwpt,
		 u32 ioas),
	TP_ARGS(context, device, pasid, hwpt, ioas),
	TP_STRUCT__entry(
		__string(device, device)
		__field(u32, context)
		__field(u32, pasid)
		__field(u32, hwpt)
		__field(u32, ioas)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->context = context;
		__entry->pasid = pasid;
		__entry->hwpt = hwpt;
		__entry->ioas = ioas;
	),
	TP_printk("context=%u device=%s pasid=%u hwpt=%u ioas=%u",
		  __entry->context, __get_str(device), __entry->pasid,
		  __entry->hwpt, __entry->ioas)
);

/* For the first time, or from another page table: then there is no detach before it. */
DEFINE_EVENT(ioasid_attachment, ioasid_attach,
	TP_PROTO(u32 context, const char *device, u32 pasid, u32 hwpt,
		 u32 ioas),
	TP_ARGS(context, device, pasid, hwpt, ioas)
);

DEFINE_EVENT(ioasid_attachment, ioasid_detach,
	TP_PROTO(u32 context, const char *device, u32 pasid, u32 hwpt,
		 u32 ioas),
	TP_ARGS(context, device, pasid, hwpt, ioas)
);

/* One page of a group that has been put into a fault queue. */
TRACE_EVENT(ioasid_page_request,
	TP_PROTO(u32 context, const char *device, u32 pasid, u64 address,
		 u32 perm, u32 group, u32 cookie),
	TP_ARGS(context, device, pasid, address, perm, group, cookie),
	TP_STRUCT__entry(
		__string(device, device)
		__field(u64, address)
		__field(u32, context)
		__field(u32, pasid)
		__field(u32, perm)
		__field(u32, group)
		__field(u32, cookie)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->address = address;
		__entry->context = context;
		__entry->pasid = pasid;
		__entry->perm = perm;
		__entry->group = group;
		__entry->cookie = cookie;
	),
	TP_printk("context=%u device=%s pasid=%u address=%#llx perm=%s group=%u cookie=%u",
		  __entry->context, __get_str(device), __entry->pasid,
		  __entry->address, show_perm(__entry->perm), __entry->group,
		  __entry->cookie)
);

/* A group is answered; cookie 0 if it has never been in a queue. */
TRACE_EVENT(ioasid_page_answer,
	TP_PROTO(u32 context, const char *device, u32 group, u32 cookie,
		 u32 code),
	TP_ARGS(context, device, group, cookie, code),
	TP_STRUCT__entry(
		__string(device, device)
		__field(u32, context)
		__field(u32, group)
		__field(u32, cookie)
		__field(u32, code)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->context = context;
		__entry->group = group;
		__entry->cookie = cookie;
		__entry->code = code;
	),
	TP_printk("context=%u device=%s group=%u cookie=%u code=%u",
		  __entry->context, __get_str(device), __entry->group,
		  __entry->cookie, __entry->code)
);

/* What an IOMMU driver has reported; it may not know the device. */
TRACE_EVENT(ioasid_dma_fault,
	TP_PROTO(u32 context, const char *device, u32 ioas, u64 iova, u32 perm),
	TP_ARGS(context, device, ioas, iova, perm),
	TP_STRUCT__entry(
		__string(device, device)
		__field(u64, iova)
		__field(u32, context)
		__field(u32, ioas)
		__field(u32, perm)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->iova = iova;
		__entry->context = context;
		__entry->ioas = ioas;
		__entry->perm = perm;
	),
	TP_printk("context=%u device=%s ioas=%u iova=%#llx perm=%s",
		  __entry->context, __get_str(device), __entry->ioas,
		  __entry->iova, show_perm(__entry->perm))
);

/* A command has failed. */
TRACE_EVENT(ioasid_failed,
	TP_PROTO(u32 context, const char *command, int result,
		 const char *reason),
	TP_ARGS(context, command, result, reason),
	TP_STRUCT__entry(
		__string(command, command)
		__string(reason, reason)
		__field(u32, context)
		__field(int, result)
	),
	TP_fast_assign(
		__assign_str(command);
		__assign_str(reason);
		__entry->context = context;
		__entry->result = result;
	),
	TP_printk("context=%u command=%s result=%d reason=\"%s\"",
		  __entry->context, __get_str(command), __entry->result,
		  __get_str(reason))
);

#endif

/* Found by the -I$(src) of iommufd/Kbuild. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH report
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
