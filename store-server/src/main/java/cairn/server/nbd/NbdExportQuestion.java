package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import io.netty.buffer.ByteBuf;
import java.util.EnumSet;
import java.util.Set;

/**
 * What GO and INFO ask for.
 * <pre>
 *   offset  size  field
 *        0     4  length of the name
 *        4        name
 *                 2  number of infos
 *                 infos of 2 each
 * </pre>
 *
 * @param infos always with EXPORT; without those that we do not know
 */
record NbdExportQuestion(String name, Set<NbdInfo> infos) {
    /** Borrows {@code payload}. @throws StoreException INVALID_REQUEST, TOO_LARGE */
    static NbdExportQuestion read(ByteBuf payload) {
        NbdText.requireBytes(payload, Integer.BYTES);
        String name = NbdText.read(payload, payload.readUnsignedInt());
        NbdText.requireBytes(payload, Short.BYTES);
        int count = payload.readUnsignedShort();
        if (payload.readableBytes() != Short.BYTES * count) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    count + " infos are asked for in " + payload.readableBytes() + " bytes");
        }
        Set<NbdInfo> infos = EnumSet.of(NbdInfo.EXPORT);
        while (payload.isReadable()) {
            NbdInfo.find(payload.readUnsignedShort()).ifPresent(infos::add);
        }
        return new NbdExportQuestion(name, infos);
    }
}
