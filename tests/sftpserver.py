"""An SSH server that serves the files of a folder: ``sftpserver.py FOLDER PORT``. See ``servers_more.Sftp``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncssh


async def main(folder: Path, port: int) -> None:
    ssh = folder / "home" / ".ssh"
    host_key = folder / "host_key"
    if not host_key.exists():
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(host_key))
        user_key = asyncssh.generate_private_key("ssh-ed25519")
        user_key.write_private_key(str(ssh / "id_ed25519"))
        (folder / "authorized").write_bytes(user_key.export_public_key())
    key = asyncssh.read_private_key(str(host_key))
    (ssh / "known_hosts").write_bytes(f"[127.0.0.1]:{port} ".encode() + key.export_public_key())
    await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[key],
        authorized_client_keys=str(folder / "authorized"),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=bytes(folder / "files")),
    )
    await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
