/**
 * EBS direct: snapshots written and read block by block over REST-JSON, as the AWS SDKs and CLI speak it.
 *
 * <p>Start at {@link cairn.server.ebs.EbsDoor}, which has the six operations; {@link cairn.server.ebs.BlockWriting} and
 * {@link cairn.server.ebs.BlockReading} answer them. Always true: a block is 512 KiB, one of zeros is stored nowhere
 * and not listed, and a failure is told by its type, a reason and a message ({@link cairn.server.ebs.EbsFailure}).
 *
 * @see <a href="https://docs.aws.amazon.com/ebs/latest/APIReference/API_Operations.html">The operations</a>
 */
package cairn.server.ebs;
