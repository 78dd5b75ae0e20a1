package cairn.client;

import cairn.disk.DiskFormat;
import cairn.disk.DiskRange;
import cairn.disk.DiskSource;
import java.util.Arrays;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/** A disk that exists nowhere: holes, but for some ranges, each filled with one byte. */
final class MadeUpDisk implements DiskSource {
    final LongAdder readBytes = new LongAdder();

    private record Filled(DiskRange range, byte with) {}

    private final long sizeBytes;
    private final NavigableMap<Long, Filled> ranges = new TreeMap<>();

    MadeUpDisk(long sizeBytes) {
        this.sizeBytes = sizeBytes;
    }

    MadeUpDisk fill(long offset, long lengthBytes, int with) {
        ranges.put(offset, new Filled(new DiskRange(offset, lengthBytes), (byte) with));
        return this;
    }

    @Override
    public DiskFormat format() {
        return DiskFormat.RAW;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public Optional<DiskRange> nextData(long offset) {
        var inside = ranges.floorEntry(offset);
        if (inside != null && inside.getValue().range.endOffset() > offset) {
            return Optional.of(new DiskRange(offset, inside.getValue().range.endOffset() - offset));
        }
        return Optional.ofNullable(ranges.ceilingEntry(offset)).map(entry -> entry.getValue().range);
    }

    @Override
    public void read(long offset, byte[] to, int toOffset, int lengthBytes) {
        Filled filled = ranges.floorEntry(offset).getValue();
        if (filled.range.endOffset() < offset + lengthBytes) {
            throw new AssertionError("a hole was read at " + offset);
        }
        Arrays.fill(to, toOffset, toOffset + lengthBytes, filled.with);
        readBytes.add(lengthBytes);
    }

    @Override
    public void requireUnchanged() {}

    @Override
    public void close() {}
}
