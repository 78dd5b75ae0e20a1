package cairn.server.volume;

import cairn.Fault;
import cairn.StoreException;
import java.time.Instant;

/**
 * What one boot touched, and how well that was foreseen.
 *
 * @param touched the image's chunks that were read, in the order in which each was read first
 * @param namedChunks what the profile named when the boot began; 0 where there was none
 * @param namedTouched how many of these the boot touched
 * @param aheadChunks loaded before they were asked for, for this boot and those that began meanwhile; what was cached
 *     already is not among them
 * @param aheadTouched how many of these the boot touched
 */
public record BootRecording(
        Instant startedAt, BootOrder touched, int namedChunks, int namedTouched, int aheadChunks, int aheadTouched) {
    public BootRecording {
        if (namedTouched < 0 || namedTouched > Math.min(namedChunks, touched.size())
                || aheadTouched < 0 || aheadTouched > Math.min(aheadChunks, touched.size())) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "a boot of " + touched + " did not touch " + namedTouched + " of " + namedChunks + " that were named, "
                            + aheadTouched + " of " + aheadChunks + " that were loaded");
        }
    }

    static BootRecording of(Instant startedAt, BootOrder touched, BootOrder named, BootOrder ahead) {
        return new BootRecording(
                startedAt, touched, named.size(), named.countIn(touched), ahead.size(), ahead.countIn(touched));
    }
}
