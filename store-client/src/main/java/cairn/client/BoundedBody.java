package cairn.client;

import cairn.Fault;
import cairn.StoreException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/** Takes a reply of at most so many bytes; breaks off when there are more. */
final class BoundedBody implements HttpResponse.BodySubscriber<byte[]> {
    private static final int FIRST_BYTES = 8192;

    private final int bytesMax;
    private final CompletableFuture<byte[]> body = new CompletableFuture<>();
    private Flow.Subscription subscription;
    private byte[] bytes;
    private int lengthBytes;

    /** @param announcedBytes what the reply says its length is; below zero if it does not */
    BoundedBody(int bytesMax, long announcedBytes) {
        this.bytesMax = bytesMax;
        this.bytes = new byte[announcedBytes < 0 ? FIRST_BYTES : (int) Math.min(announcedBytes, bytesMax)];
    }

    @Override
    public CompletionStage<byte[]> getBody() {
        return body;
    }

    @Override
    public void onSubscribe(Flow.Subscription newSubscription) {
        subscription = newSubscription;
        newSubscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(List<ByteBuffer> pieces) {
        for (ByteBuffer piece : pieces) {
            int pieceBytes = piece.remaining();
            if (pieceBytes > bytesMax - lengthBytes) {
                subscription.cancel();
                body.completeExceptionally(
                        new StoreException(Fault.TOO_LARGE, "a reply of more than " + bytesMax + " bytes"));
                return;
            }
            if (pieceBytes > bytes.length - lengthBytes) {
                long grown = Math.max(2L * bytes.length, (long) lengthBytes + pieceBytes);
                bytes = Arrays.copyOf(bytes, (int) Math.min(grown, bytesMax));
            }
            piece.get(bytes, lengthBytes, pieceBytes);
            lengthBytes += pieceBytes;
        }
    }

    @Override
    public void onError(Throwable failure) {
        body.completeExceptionally(failure);
    }

    @Override
    public void onComplete() {
        body.complete(lengthBytes == bytes.length ? bytes : Arrays.copyOf(bytes, lengthBytes));
    }
}
