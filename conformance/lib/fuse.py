# fuse.py MODE DIRECTORY: a hostile file system, by hand on /dev/fuse. Says `ready` when it is mounted; a line on its
# standard input makes it silent: it reads no request any more. The end of its input ends it.
#   still   every name is an empty directory
#   flip    what is asked for is by turns a directory, a file and a link
#   files   every name is a file of 1 TiB

import ctypes, itertools, os, select, stat, struct, sys

LOOKUP, FORGET, GETATTR, READLINK, MKNOD, MKDIR, OPEN, READ, RELEASE = 1, 2, 3, 5, 8, 9, 14, 15, 18
INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, INTERRUPT, BATCH_FORGET = 26, 27, 28, 29, 34, 36, 42
ENOSYS = 38
KINDS = {'dir': stat.S_IFDIR | 0o755, 'file': stat.S_IFREG | 0o755, 'link': stat.S_IFLNK | 0o777}
TURNS = {'still': ['dir'], 'flip': ['dir', 'file', 'link'], 'files': ['file']}

mode, directory = sys.argv[1:]
turns, numbers, kinds = itertools.cycle(TURNS[mode]), itertools.count(2), {1: 'dir'}
device = os.open('/dev/fuse', os.O_RDWR)
options = f'fd={device},rootmode=40000,user_id=0,group_id=0,allow_other'
if ctypes.CDLL(None).mount(b'hostile', directory.encode(), b'fuse', 0, options.encode()) != 0:
    sys.exit('no mount')
print('ready', flush=True)

def attributes(node):
    if mode == 'flip' and node != 1: kinds[node] = next(turns)
    kind = kinds.get(node, 'dir')
    size = 1 << 40 if kind == 'file' else 0
    return struct.pack('<6Q10I', node, size, 0, 0, 0, 0, 0, 0, 0, KINDS[kind], 1, 0, 0, 0, 4096, 0)

def entry():
    node = next(numbers)
    kinds[node] = next(turns)
    return struct.pack('<4QII', node, 0, 0, 0, 0, 0) + attributes(node)

def reply(op, node, body):
    if op == INIT: return struct.pack('<IIIIHHI', 7, 31, 65536, 0, 12, 10, 65536).ljust(64, b'\0')
    if op in (LOOKUP, MKDIR, MKNOD): return entry()
    if op == GETATTR: return struct.pack('<QII', 0, 0, 0) + attributes(node)
    if op == READLINK: return b'/proc/self/root/../../etc'
    if op in (OPEN, OPENDIR): return struct.pack('<QII', 1, 1, 0)
    if op == READ: return b'x' * struct.unpack('<QQI', body[:20])[2]
    return b'' if op in (READDIR, RELEASE, RELEASEDIR, ACCESS) else None

silent = False
while True:
    ready, _, _ = select.select([sys.stdin] + ([] if silent else [device]), [], [])
    if sys.stdin in ready:
        silent = True
        if not os.read(0, 100): break
        print('silent', flush=True)
        continue
    try: request = os.read(device, 1 << 20)
    except OSError: break
    _, op, unique, node = struct.unpack('<IIQQ', request[:24])
    if op in (FORGET, BATCH_FORGET, INTERRUPT): continue
    body = reply(op, node, request[40:])
    try: os.write(device, struct.pack('<IiQ', 16 + len(body or b''), 0 if body is not None else -ENOSYS, unique) + (body or b''))
    except OSError: pass
