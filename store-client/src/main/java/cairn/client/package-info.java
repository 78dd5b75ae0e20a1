/**
 * Talks to a store: sends disks, brings them back, proves them.
 *
 * <p>Start at {@link cairn.client.StoreClient}, which has a method for each endpoint of {@link cairn.api.Api}.
 * {@link cairn.client.ImageUploader}, {@link cairn.client.ImageDownloader} and {@link cairn.client.ImageVerifier} do
 * whole disks with it. Always true: whatever the size of a disk, memory is bounded by the number of workers; nothing
 * that a store sends is believed before its digest has been computed; and only {@link cairn.StoreException} comes out.
 */
package cairn.client;
