package cairn.server.image;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.image.ImageId;
import cairn.server.storage.Catalog;
import cairn.server.storage.JsonRecords;
import cairn.server.volume.BootOrder;
import cairn.server.volume.BootProfile;
import cairn.server.volume.BootRecording;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.List;

/**
 * Boot profiles as the catalog keeps them: JSON objects, described in docs/formats.md. The largest, seven boots of
 * 8,192 chunks that lie as far apart as can be, is less than half of what a value may be.
 */
final class BootProfileRecords {
    private record ProfileRecord(long boots, List<RecordingRecord> recordings) {}

    private record RecordingRecord(
            String startedAt, byte[] touched, int namedChunks, int namedTouched, int aheadChunks, int aheadTouched) {}

    private BootProfileRecords() {}

    static byte[] encode(BootProfile profile) {
        return JsonRecords.encode(new ProfileRecord(
                profile.boots(),
                profile.recordings().stream()
                        .map(each -> new RecordingRecord(
                                each.startedAt().toString(),
                                each.touched().encode(),
                                each.namedChunks(),
                                each.namedTouched(),
                                each.aheadChunks(),
                                each.aheadTouched()))
                        .toList()));
    }

    static BootProfile decode(ImageId image, Catalog.Entry entry) {
        ProfileRecord read = JsonRecords.decode(entry, ProfileRecord.class);
        try {
            if (read.recordings == null || read.recordings.size() > BootProfile.RECORDINGS_MAX) {
                throw new StoreException(CORRUPT, "at most " + BootProfile.RECORDINGS_MAX + " recordings are kept");
            }
            return new BootProfile(
                    image,
                    read.boots,
                    read.recordings.stream()
                            .map(each -> new BootRecording(
                                    Instant.parse(each.startedAt),
                                    BootOrder.decode(each.touched),
                                    each.namedChunks,
                                    each.namedTouched,
                                    each.aheadChunks,
                                    each.aheadTouched))
                            .toList());
        } catch (NullPointerException e) {
            throw new StoreException(CORRUPT, "record " + entry.key() + " is not complete", e);
        } catch (StoreException | DateTimeException e) {
            throw new StoreException(CORRUPT, "record " + entry.key() + ": " + e.getMessage(), e);
        }
    }
}
