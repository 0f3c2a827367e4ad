/* SPDX-License-Identifier: MIT */
/*
 * place.c - is this a place for a database?
 *
 * WAL keeps an index in shared memory, and turns are taken with file locks:
 * both work on one machine only.  A network file system is therefore refused
 * (DB_ANY_DISK takes it on the administrator's word), by what statfs(2) says
 * of the folder.  FUSE counts as one: what is behind it cannot be seen.
 *
 * The file holds other people's conversations: it and its folder must not be
 * open to others.  Checked at each start; nothing is changed.
 */
#include "db_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* statfs(2) and the kernel's magic.h; the value is 32 bits wherever it is kept. */
static const struct { uint32_t type; const char *name; } remote[] = {
	{ 0x00006969, "NFS" },
	{ 0x0000517b, "SMB" },
	{ 0xff534d42, "SMB (cifs)" },
	{ 0xfe534d42, "SMB (smb3)" },
	{ 0x01021997, "9p" },
	{ 0x65735546, "FUSE (sshfs, virtiofs and the like)" },
	{ 0x5346414f, "AFS" },
	{ 0x6b414653, "AFS" },
	{ 0x73757245, "Coda" },
	{ 0x0000564c, "NCP" },
	{ 0x00c36400, "Ceph" },
	{ 0x0bd00bd0, "Lustre" },
	{ 0x19830326, "BeeGFS" },
	{ 0x47504653, "GPFS" },
	{ 0x01161970, "GFS2" },
	{ 0x7461636f, "OCFS2" },
	{ 0xaad7aaea, "PanFS" },
	{ 0x20030528, "OrangeFS" },
	{ 0x786f4256, "vboxsf" },
	{ 0xbacbacbc, "vmhgfs" },
	{ 0x7c7c6673, "prl_fs" },
};

const char *
db_network_disk(int64_t type)
{
	size_t i;

	for (i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
		if (remote[i].type == (uint32_t)type)
			return remote[i].name;
	return NULL;
}

const struct ib_err *
db_disk_fit(const char *folder, int64_t type, unsigned flags)
{
	const char *name = db_network_disk(type);

	if (name == NULL || (flags & DB_ANY_DISK) != 0)
		return NULL;
	return ib_fail(IB_ECONF, IB_RETRY_NEVER, "%.90s is on a network file system, %s; the database "
	    "must be on a local disk (or set allow_network_disk = yes)", folder, name);
}

const struct ib_err *
db_place(const char *path, unsigned flags)
{
	const struct ib_err *err;
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	struct statfs fs;
	struct stat sb;

	if (dir == NULL)
		return ib_fail(IB_ENOMEM, IB_RETRY_LATER, "db_place");
	if (statfs(dir, &fs) != 0)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER, "folder %.150s: %s", dir, strerror(errno));
	else if ((err = db_disk_fit(dir, (int64_t)fs.f_type, flags)) == NULL &&
	    stat(dir, &sb) == 0 && (sb.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "folder %.150s: everybody may write in it (mode %03o, should be 700)", dir,
		    (unsigned)sb.st_mode & 0777u);
	else if (err == NULL && stat(path, &sb) == 0 && (sb.st_mode & 077) != 0)
		err = ib_fail(IB_ECONF, IB_RETRY_NEVER,
		    "database %.150s: others have access (mode %03o, should be 600)", path,
		    (unsigned)sb.st_mode & 0777u);
	free(dir);
	return err;
}
