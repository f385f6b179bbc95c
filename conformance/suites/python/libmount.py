"""What crun's tests use of the Python module of libmount, which Debian does not have: mounts of a mountinfo by target."""


class Filesystem:
    def __init__(self, line):
        before, _, after = line.partition(" - ")
        fields = before.split()
        self.target = fields[4].encode().decode("unicode_escape")
        self.vfs_options = fields[5]
        self.fs_options = after.split()[2]


class Table:
    def __init__(self, path):
        with open(path) as file:
            self.filesystems = [Filesystem(line) for line in file if " - " in line]

    def find_target(self, target):
        """The uppermost mount there, or None."""
        return next((one for one in reversed(self.filesystems) if one.target == target), None)
