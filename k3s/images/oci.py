#!/usr/bin/env python3
"""Write OCI image layers and OCI image archives without a container engine.

    oci.py layer OUT.tar.gz [--tar FILE | --tree DIR]... [--file SRC:DEST[:MODE[:UID:GID]]]...
                            [--dir DEST[:MODE[:UID:GID]]]... [--link TARGET:DEST]...
    oci.py image OUT.tar NAME --layer FILE.tar.gz... [--user UID[:GID]] [--workdir DIR] [--env K=V]...
                            [--entrypoint JSON] [--cmd JSON] [--label K=V]... [--stop-signal NAME]

A layer is one gzip-compressed tar. Members are sorted, times are 0, owners are numbers, and there are no
devices, FIFOs or extended attributes (so no file capabilities): the same input gives the same bytes, and a
layer never holds what a pod without privileges could not have made. Modes and set-id bits are kept.
An image archive holds the layers in the order given, oldest first, and one manifest; NAME is kept as it is
(localhost/project/part:tag). Import it with `ctr -n k8s.io images import OUT.tar`.
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import sys
import tarfile
import tempfile

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Level 4 costs a third of level 9's time and 5 % of its size; images are read from disk, not from a network.
COMPRESSION = 4


def fail(sentence):
    sys.exit(f"oci.py: {sentence}")


class Layer:
    """The members of one layer by name; a later one replaces an earlier one of the same name."""

    def __init__(self):
        self.members = {}  # name without leading slash -> (TarInfo, bytes | path | None)

    def add(self, info, content=None):
        info.name = os.path.normpath(info.name).lstrip("/")
        if info.name in ("", "."):
            return
        if not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
            return  # devices, FIFOs, sockets
        if info.name.startswith(".."):
            fail(f"member {info.name} points out of the layer")
        info.mtime = 0
        info.uname = info.gname = ""
        info.pax_headers = {}
        self.members[info.name] = (info, content)

    def add_tar(self, path):
        with tarfile.open(path) as source:
            for info in source:
                content = source.extractfile(info).read() if info.isreg() else None
                self.add(info, content)

    def add_tree(self, root):
        for folder, folders, files in os.walk(root):
            for name in folders + files:
                path = os.path.join(folder, name)
                info = tarfile.TarFile.gettarinfo(_reader(), path, os.path.relpath(path, root))
                if info is not None:  # None: a socket
                    self.add(info, path if info.isreg() else None)

    def add_file(self, spec):
        source, dest, mode, uid, gid = split(spec, 2, "755")
        info = tarfile.TarInfo(dest)
        info.size = os.path.getsize(source)
        info.mode, info.uid, info.gid = mode, uid, gid
        self.parents(dest)
        self.add(info, source)

    def add_dir(self, spec):
        dest, mode, uid, gid = split(spec, 1, "755")
        info = tarfile.TarInfo(dest)
        info.type = tarfile.DIRTYPE
        info.mode, info.uid, info.gid = mode, uid, gid
        self.parents(dest)
        self.add(info)

    def add_link(self, spec):
        target, dest = spec.split(":")
        info = tarfile.TarInfo(dest)
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
        self.parents(dest)
        self.add(info)

    def parents(self, dest):
        """Add the folders above `dest` that the layer does not have, as root's and mode 755."""
        folder = os.path.dirname(os.path.normpath(dest).lstrip("/"))
        while folder and folder not in self.members:
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            self.add(info)
            folder = os.path.dirname(folder)

    def write(self, out):
        # Hard links go last: the file they name must come before them.
        order = sorted(self.members, key=lambda name: (self.members[name][0].islnk(), name.split("/")))
        with gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=COMPRESSION, mtime=0) as packed:
            with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
                for name in order:
                    info, content = self.members[name]
                    if isinstance(content, str):
                        with open(content, "rb") as source:
                            tar.addfile(info, source)
                    else:
                        tar.addfile(info, None if content is None else io.BytesIO(content))


def _reader():
    """A TarFile that only serves gettarinfo, which wants one for its inode table (hard links)."""
    if not hasattr(_reader, "tar"):
        _reader.tar = tarfile.open(fileobj=io.BytesIO(), mode="w")
    return _reader.tar


def split(spec, paths, default_mode):
    """`PATH…[:MODE[:UID:GID]]` with `paths` leading paths -> paths, mode, uid, gid."""
    parts = spec.split(":")
    if len(parts) not in (paths, paths + 1, paths + 3):
        fail(f"{spec}: wants {paths} path(s), then a mode in octal, then uid and gid")
    mode = int(parts[paths] if len(parts) > paths else default_mode, 8)
    uid, gid = (int(n) for n in parts[paths + 1:]) if len(parts) > paths + 1 else (0, 0)
    return *parts[:paths], mode, uid, gid


def digest(stream):
    hashed = hashlib.sha256()
    for block in iter(lambda: stream.read(1 << 20), b""):
        hashed.update(block)
    return hashed.hexdigest()


def write_layer(args):
    layer = Layer()
    for kind, value in args.parts:
        getattr(layer, f"add_{kind}")(value)
    if not layer.members:
        fail("a layer needs at least one --tar, --tree, --file, --dir or --link")
    replace(args.out, layer.write)


def write_image(args):
    blobs = {}  # sha256 -> bytes | path

    def blob(media, content):
        if isinstance(content, str):
            with open(content, "rb") as source:
                name = digest(source)
            size = os.path.getsize(content)
        else:
            name, size = hashlib.sha256(content).hexdigest(), len(content)
        blobs[name] = content
        return {"mediaType": f"application/vnd.oci.image.{media}", "digest": f"sha256:{name}", "size": size}

    diffs = []
    for path in args.layer:
        with gzip.open(path) as source:
            diffs.append("sha256:" + digest(source))
    settings = {"Env": args.env if any(e.startswith("PATH=") for e in args.env) else [PATH] + args.env}
    for key, value in [("User", args.user), ("WorkingDir", args.workdir), ("Entrypoint", args.entrypoint),
                       ("Cmd", args.cmd), ("StopSignal", args.stop_signal),
                       ("Labels", dict(label.split("=", 1) for label in args.label))]:
        if value:
            settings[key] = value
    config = {"architecture": ARCHITECTURES[platform.machine()], "os": "linux", "config": settings,
              "rootfs": {"type": "layers", "diff_ids": diffs}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob("config.v1+json", json.dumps(config).encode()),
                "layers": [blob("layer.v1.tar+gzip", path) for path in args.layer]}
    described = blob("manifest.v1+json", json.dumps(manifest).encode())
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
             "manifests": [{**described, "annotations": {"io.containerd.image.name": args.name}}]}

    def write(out):
        with tarfile.open(fileobj=out, mode="w") as tar:
            files = [("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", json.dumps(index).encode())]
            for name, content in files + [(f"blobs/sha256/{name}", blobs[name]) for name in sorted(blobs)]:
                info = tarfile.TarInfo(name)
                with open(content, "rb") if isinstance(content, str) else io.BytesIO(content) as source:
                    info.size = source.seek(0, os.SEEK_END)
                    source.seek(0)
                    tar.addfile(info, source)

    replace(args.out, write)
    print(described["digest"])


def replace(path, write):
    """Write a file beside `path` and put it there in one step: a killed run leaves no half an image."""
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path) or ".", delete=False) as out:
        try:
            write(out)
            out.flush()
            os.chmod(out.name, 0o644)
            shutil.move(out.name, path)
        except BaseException:
            os.unlink(out.name)
            raise


def arguments():
    class Part(argparse.Action):
        def __call__(self, parser, namespace, value, option=None):
            namespace.parts = [*namespace.parts, (self.dest, value)]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    layer = verbs.add_parser("layer")
    layer.set_defaults(run=write_layer, parts=[])
    layer.add_argument("out")
    for kind in ("tar", "tree", "file", "dir", "link"):
        layer.add_argument(f"--{kind}", action=Part)
    image = verbs.add_parser("image")
    image.set_defaults(run=write_image)
    image.add_argument("out")
    image.add_argument("name")
    image.add_argument("--layer", action="append", required=True)
    for kind in ("user", "workdir", "stop-signal"):
        image.add_argument(f"--{kind}", default="")
    for kind in ("env", "label"):
        image.add_argument(f"--{kind}", action="append", default=[])
    for kind in ("entrypoint", "cmd"):
        image.add_argument(f"--{kind}", type=json.loads, default=[])
    return parser.parse_args()


if __name__ == "__main__":
    arguments_ = arguments()
    arguments_.run(arguments_)
