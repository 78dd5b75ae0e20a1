package cairn.disk;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Unpacks one cluster. Never writes more than the cluster; what follows the packed bytes is not looked at. */
enum Unpacker {
    /** RFC 1951, nothing around it. */
    DEFLATE {
        @Override
        boolean unpack(byte[] from, int fromBytes, byte[] to, int toOffset, int lengthBytes) {
            return inflate(true, from, fromBytes, to, toOffset, lengthBytes);
        }
    },
    /** RFC 1950: deflate with a header and a checksum. */
    ZLIB {
        @Override
        boolean unpack(byte[] from, int fromBytes, byte[] to, int toOffset, int lengthBytes) {
            return inflate(false, from, fromBytes, to, toOffset, lengthBytes);
        }
    },
    /** One frame of RFC 8878. */
    ZSTD {
        @Override
        boolean unpack(byte[] from, int fromBytes, byte[] to, int toOffset, int lengthBytes) {
            try (ZstdDecompressCtx zstd = new ZstdDecompressCtx()) {
                int frameBytes = Math.toIntExact(Zstd.findFrameCompressedSize(from, 0, fromBytes));
                return zstd.decompressByteArray(to, toOffset, lengthBytes, from, 0, frameBytes) == lengthBytes;
            } catch (ZstdException e) {
                return false;
            }
        }
    };

    /** Fills {@code lengthBytes}; false if the packed bytes give fewer, or more, or are damaged. */
    abstract boolean unpack(byte[] from, int fromBytes, byte[] to, int toOffset, int lengthBytes);

    private static boolean inflate(
            boolean isBare, byte[] from, int fromBytes, byte[] to, int toOffset, int lengthBytes) {
        Inflater inflater = new Inflater(isBare);
        try {
            inflater.setInput(from, 0, fromBytes);
            int done = 0;
            while (done < lengthBytes) {
                int count = inflater.inflate(to, toOffset + done, lengthBytes - done);
                if (count == 0) {
                    return false;
                }
                done += count;
            }
            // The mark of the end, and zlib's checksum, may still stand behind the last byte.
            return inflater.finished() || inflater.inflate(new byte[1]) == 0 && inflater.finished();
        } catch (DataFormatException e) {
            return false;
        } finally {
            inflater.end();
        }
    }
}
