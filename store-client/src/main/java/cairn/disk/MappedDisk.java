package cairn.disk;

import cairn.Fault;
import cairn.StoreException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** A disk whose file keeps its pieces in places that the format tells: what is the same for every format. */
abstract class MappedDisk implements DiskSource {
    /** A range of data is reported at about this length, though more may follow: its end is found by reading tables. */
    private static final long RANGE_BYTES = 64L << 20;
    /** So much stays unpacked for readers that ask for less than a cluster at a time. */
    private static final int UNPACKED_BYTES_MAX = 16 << 20;

    private final DiskFile file;
    private final DiskFormat format;
    private final long sizeBytes;
    /** By their offset on the disk, least recently used first. Guarded by itself. */
    private final Map<Long, byte[]> unpacked = new LinkedHashMap<>(16, 0.75f, true);

    MappedDisk(DiskFile file, DiskFormat format, long sizeBytes) {
        this.file = file;
        this.format = format;
        this.sizeBytes = sizeBytes;
        requireSize(file, sizeBytes);
    }

    /** Takes the file: closes it if it holds no disk that can be read. */
    static DiskSource open(DiskFile file, Optional<DiskFormat> format) {
        try {
            return switch (format.orElseGet(() -> FormatProbe.formatOf(file))) {
                case RAW -> RawDisk.open(file);
                case QCOW2 -> Qcow2Disk.open(file);
                case VMDK -> VmdkDisk.open(file);
                case VHD -> VhdDisk.open(file);
                case VHDX -> VhdxDisk.open(file);
            };
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** Where the file keeps the byte at {@code offset}, and what lies around it: may begin before, ends behind it. */
    abstract Extent extentAt(long offset);

    /** Unpacks a cluster: exactly {@link Extent#lengthBytes} bytes. Only for formats that pack. */
    void unpack(Extent.Packed packed, byte[] to, int toOffset) {
        throw new IllegalStateException(format + " does not pack");
    }

    /** @throws StoreException INVALID_REQUEST unless a disk may have this size */
    static void requireSize(DiskFile file, long sizeBytes) {
        if (sizeBytes == 0) {
            throw file.refused("holds a disk of 0 bytes");
        }
        if (sizeBytes < 0 || sizeBytes > SIZE_BYTES_MAX) {
            throw file.refused("holds a disk of " + Long.toUnsignedString(sizeBytes) + " bytes; at most "
                    + SIZE_BYTES_MAX + " (64 TiB) are read");
        }
        if (sizeBytes % SECTOR_BYTES != 0) {
            throw file.refused("holds a disk of " + sizeBytes + " bytes, which is no multiple of " + SECTOR_BYTES);
        }
    }

    @Override
    public final DiskFormat format() {
        return format;
    }

    @Override
    public final long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public final Optional<DiskRange> nextData(long offset) {
        requireOnDisk(offset, 0);
        long at = offset;
        while (at < sizeBytes) {
            Extent extent = extentAt(at);
            Optional<DiskRange> data = dataIn(extent, at);
            if (data.isPresent()) {
                return Optional.of(extended(data.get(), extent));
            }
            at = extent.endOffset();
        }
        return Optional.empty();
    }

    @Override
    public final void read(long offset, byte[] to, int toOffset, int lengthBytes) {
        Objects.checkFromIndexSize(toOffset, lengthBytes, to.length);
        requireOnDisk(offset, lengthBytes);
        long end = offset + lengthBytes;
        long at = offset;
        while (at < end) {
            Extent extent = runAt(at, end);
            long until = Math.min(extent.endOffset(), end);
            readExtent(extent, at, to, toOffset + Math.toIntExact(at - offset), Math.toIntExact(until - at));
            at = until;
        }
    }

    @Override
    public final void requireUnchanged() {
        file.requireUnchanged();
    }

    @Override
    public final void close() {
        file.close();
    }

    final DiskFile file() {
        return file;
    }

    /** A plain extent, all of whose bytes the file must have. @throws StoreException CORRUPT if it ends before */
    final Extent.Plain plain(long offset, long lengthBytes, long fileOffset) {
        file.requireInside(fileOffset, Math.min(lengthBytes, sizeBytes - offset), "the disk's data at byte " + offset);
        return new Extent.Plain(offset, lengthBytes, fileOffset);
    }

    /** The first data of the extent at or behind {@code at}. */
    private Optional<DiskRange> dataIn(Extent extent, long at) {
        long end = Math.min(extent.endOffset(), sizeBytes);
        if (extent instanceof Extent.Hole || at >= end) {
            return Optional.empty();
        }
        if (extent instanceof Extent.Plain plain) {
            // A file may be sparse where the format says that there is data, as in a fixed VHD.
            long shift = plain.fileOffset() - plain.offset();
            return file.nextData(at + shift, end + shift)
                    .map(data -> new DiskRange(data.offset() - shift, data.lengthBytes()));
        }
        return Optional.of(new DiskRange(at, end - at));
    }

    /** The range and the data that follows it at once. */
    private DiskRange extended(DiskRange range, Extent within) {
        long end = range.endOffset();
        Extent extent = within;
        while (end == extent.endOffset() && end < sizeBytes && end - range.offset() < RANGE_BYTES) {
            extent = extentAt(end);
            Optional<DiskRange> more = dataIn(extent, end);
            if (more.isEmpty() || more.get().offset() != end) {
                break;
            }
            end = more.get().endOffset();
        }
        return new DiskRange(range.offset(), end - range.offset());
    }

    /** The extent at {@code at}, with those that continue it up to {@code end}. */
    private Extent runAt(long at, long end) {
        Extent run = extentAt(at);
        while (run.endOffset() < end && !(run instanceof Extent.Packed)) {
            Optional<Extent> joined = run.join(extentAt(run.endOffset()));
            if (joined.isEmpty()) {
                break;
            }
            run = joined.get();
        }
        return run;
    }

    private void readExtent(Extent extent, long at, byte[] to, int toOffset, int lengthBytes) {
        if (extent instanceof Extent.Plain plain) {
            file.readSparse(plain.fileOffset() + (at - plain.offset()), to, toOffset, lengthBytes);
        } else if (extent instanceof Extent.Packed packed) {
            readPacked(packed, Math.toIntExact(at - packed.offset()), to, toOffset, lengthBytes);
        } else {
            Arrays.fill(to, toOffset, toOffset + lengthBytes, (byte) 0);
        }
    }

    private void readPacked(Extent.Packed packed, int from, byte[] to, int toOffset, int lengthBytes) {
        if (lengthBytes == packed.lengthBytes()) {
            unpack(packed, to, toOffset);
            return;
        }
        byte[] cluster;
        synchronized (unpacked) {
            cluster = unpacked.get(packed.offset());
        }
        if (cluster == null) {
            cluster = new byte[Math.toIntExact(packed.lengthBytes())];
            unpack(packed, cluster, 0);
            synchronized (unpacked) {
                unpacked.put(packed.offset(), cluster);
                int clustersMax = Math.max(2, UNPACKED_BYTES_MAX / cluster.length);
                while (unpacked.size() > clustersMax) {
                    unpacked.remove(unpacked.keySet().iterator().next());
                }
            }
        }
        System.arraycopy(cluster, from, to, toOffset, lengthBytes);
    }

    private void requireOnDisk(long offset, int lengthBytes) {
        if (offset < 0 || offset > sizeBytes - lengthBytes) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    lengthBytes + " bytes at " + offset + " are not on " + file.name() + ", a disk of " + sizeBytes);
        }
    }
}
