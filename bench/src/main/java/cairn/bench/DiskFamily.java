package cairn.bench;

import cairn.disk.DiskSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** As many disks as are wanted, made of a few: these themselves, and each again with regions of its own edited. */
final class DiskFamily {
    private final List<Path> files;
    private final double editedPercent;
    private final List<long[]> dataChunks = new ArrayList<>();

    /** @param editedPercent of what has data, in each that is not a disk as it is */
    DiskFamily(List<Path> files, double editedPercent) {
        this.files = files;
        this.editedPercent = editedPercent;
        for (Path file : files) {
            try (DiskSource disk = DiskSource.open(file)) {
                dataChunks.add(DataChunks.of(disk));
            }
        }
    }

    /** The same number gives the same disk. */
    DiskSource open(int number) {
        DiskSource disk = DiskSource.open(files.get(number % files.size()));
        return number < files.size() ? disk : new EditedDisk(disk, dataChunks(number), editedPercent, number);
    }

    /** Where a disk has data, but for what editing has made zeros. */
    long[] dataChunks(int number) {
        return dataChunks.get(number % files.size());
    }
}
