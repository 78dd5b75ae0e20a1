package cairn.disk;

/** A disk kept byte for byte, in a file or on a block device. */
final class RawDisk extends MappedDisk {
    private RawDisk(DiskFile file) {
        super(file, DiskFormat.RAW, file.sizeBytes());
    }

    static RawDisk open(DiskFile file) {
        if (file.sizeBytes() % SECTOR_BYTES != 0) {
            throw file.refused(
                    "has " + file.sizeBytes() + " bytes, which is no multiple of " + SECTOR_BYTES + "; is it a disk?");
        }
        return new RawDisk(file);
    }

    @Override
    Extent extentAt(long offset) {
        return new Extent.Plain(0, sizeBytes(), 0);
    }
}
