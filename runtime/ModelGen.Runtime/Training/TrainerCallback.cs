namespace ModelGen;

/// <summary>
/// Code that runs at fixed points of a fit. Derive, override what is needed, and give an instance to <see cref="TrainerOptions.Callbacks"/>; callbacks are called in their order there,
/// on the thread that called <c>Fit</c>.
/// </summary>
/// <remarks>An exception of a callback ends the fit, after <see cref="OnException"/> of all callbacks, and is thrown by <c>Fit</c>.</remarks>
public abstract class TrainerCallback
{
    /// <summary>Before the first step, after a checkpoint was loaded; <see cref="TrainerContext.Steps"/> is above 0 when the fit goes on from one.</summary>
    /// <param name="context">State of the fit.</param>
    public virtual void OnFitStart(TrainerContext context)
    {
    }

    /// <summary>Before the first step of an epoch, or of the rest of one that a checkpoint had begun.</summary>
    /// <param name="context">State of the fit.</param>
    public virtual void OnEpochStart(TrainerContext context)
    {
    }

    /// <summary>After the parameters were updated. Reading the loss here on every step stalls a GPU; on a CPU it costs nothing.</summary>
    /// <param name="context">State of the fit.</param>
    public virtual void OnStepEnd(TrainerContext context)
    {
    }

    /// <summary>After a validation; its result is <see cref="TrainerContext.Validation"/>.</summary>
    /// <param name="context">State of the fit.</param>
    public virtual void OnValidationEnd(TrainerContext context)
    {
    }

    /// <summary>After an epoch and its validation; the result is <see cref="TrainerContext.LastEpoch"/>.</summary>
    /// <param name="context">State of the fit.</param>
    public virtual void OnEpochEnd(TrainerContext context)
    {
    }

    /// <summary>After a checkpoint lies on the disk, whole.</summary>
    /// <param name="context">State of the fit.</param>
    /// <param name="path">The file.</param>
    public virtual void OnCheckpointSaved(TrainerContext context, string path)
    {
    }

    /// <summary>When the fit ends by an exception, cancellation included; the exception goes on afterwards.</summary>
    /// <param name="context">State of the fit.</param>
    /// <param name="exception">The exception.</param>
    public virtual void OnException(TrainerContext context, Exception exception)
    {
    }

    /// <summary>After the last epoch, or where a limit or <see cref="TrainerContext.RequestStop"/> ended the fit; the result is <see cref="TrainerContext.Result"/>.</summary>
    /// <param name="context">State of the fit.</param>
    public virtual void OnFitEnd(TrainerContext context)
    {
    }
}
