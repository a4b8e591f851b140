"""What a database's disk is like: which file system, how much room."""

from __future__ import annotations

import re
from pathlib import Path

#: Locks and shared memory can't be trusted on these, and SQLite's log needs both.
NETWORKED = frozenset(
    {
        *("afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
        *("ocfs2", "orangefs", "smb3", "smbfs"),
        *("fuse.blobfuse", "fuse.blobfuse2", "fuse.ceph", "fuse.ceph-fuse", "fuse.gcsfuse"),
        *("fuse.glusterfs", "fuse.goofys", "fuse.juicefs", "fuse.mfs", "fuse.mount-s3"),
        *("fuse.objectivefs", "fuse.rclone", "fuse.s3fs", "fuse.s3ql", "fuse.seaweedfs"),
        *("fuse.sshfs",),
    }
)
#: A machine's view of its host's disk: local as a rule, but others may see it too.
SHARED = frozenset({"9p", "virtiofs", "vboxsf"})
#: Gone with the machine's next start, or with the container that has no volume there.
PASSING = frozenset({"aufs", "fuse.fuse-overlayfs", "overlay", "ramfs", "tmpfs"})
_MOUNTS = Path("/proc/self/mountinfo")
_SHORTEST = 7


def may_be_remote(kind: str) -> bool:
    """Tell whether a program serves this file system, which may fetch it from anywhere."""
    return kind == "fuse" or kind.startswith("fuse.")


def file_system(path: Path, mounts: str | None = None) -> str | None:
    """Return the kind of file system a file is on; ``None`` where that can't be seen.

    *mounts* is what Linux says in ``/proc/self/mountinfo``.
    """
    if mounts is None:
        if not _MOUNTS.exists():
            return None
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
    found: tuple[int, str] | None = None
    target = path.absolute()
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < _SHORTEST or "-" not in fields:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), fields[4]))
        kind = fields[fields.index("-") + 1]
        # The last of those mounted on the same place is the one that is seen.
        if target.is_relative_to(point) and (found is None or len(point.parts) >= found[0]):
            found = (len(point.parts), kind)
    return found[1] if found else None
