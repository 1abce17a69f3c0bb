using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Tests.Ops;

/// <summary>Type rules: operand types and settings against the result's type, or a part of the error.</summary>
public sealed class ShapeRuleTests
{
    // Operator | operands | settings | result type, or ! and a part of the message.
    private const string Table = """
        neg | f32[N, 3] | | f32[N, 3]
        abs | i64[N] | | i64[N]
        abs | bool[N] | | !floating-point
        sign | f64[2] | | f64[2]
        exp | f32[] | | f32[]
        log | bool[2] | | !floating-point
        sin | f32[2] | | f32[2]
        cos | f32[2] | | f32[2]
        sqrt | f32[2] | | f32[2]
        rsqrt | f32[2] | | f32[2]
        reciprocal | f32[2] | | f32[2]
        square | f32[2] | | f32[2]
        erf | f32[2] | | f32[2]
        log1p | f32[2] | | f32[2]
        expm1 | f32[2] | | f32[2]
        tanh | f32[2] | | f32[2]
        sigmoid | f32[2] | | f32[2]
        relu | f32[N, 0] | | f32[N, 0]
        gelu | f32[2] | tanh=false | f32[2]
        silu | f32[2] | | f32[2]
        leaky_relu | f32[2] | slope=0.1 | f32[2]
        elu | f32[2] | alpha=1.0 | f32[2]
        clamp | f32[2] | min=0.0 max=1.0 | f32[2]
        hardsigmoid | f32[2] | | f32[2]
        hardswish | f32[2] | | f32[2]
        softplus | f32[2] | beta=1.0 threshold=20.0 | f32[2]
        mish | f32[2] | | f32[2]
        add | f32[N, 3] f32[3] | | f32[N, 3]
        add | f32[N, 1, 4] f32[3, 1] | | f32[N, 3, 4]
        add | f32[N, 3] f32[N, 4] | | !sizes 3 and 4 differ in dimension -1
        add | f32[N] f32[M] | | !sizes N and M
        add | f32[2] i64[2] | | !convert one
        sub | f32[N, 2] f32[] | | f32[N, 2]
        mul | i64[2] i64[2] | | i64[2]
        div | f32[1] f32[5] | | f32[5]
        pow | f32[2] f32[2] | | f32[2]
        maximum | f32[0] f32[1] | | f32[0]
        minimum | f32[2] f32[3] | | !broadcast
        gt | f32[N, 3] f32[] | | bool[N, 3]
        ge | f32[2] f32[2] | | bool[2]
        lt | f32[2] f64[2] | | !convert
        le | f32[2] f32[2] | | bool[2]
        eq | i64[N] i64[1] | | bool[N]
        ne | f32[2] f32[2] | | bool[2]
        where | bool[N, 1] f32[3] f32[N, 3] | | f32[N, 3]
        where | f32[2] f32[2] f32[2] | | !boolean condition
        masked_fill | f32[2, 3, 4] bool[3, 4] | value=0.0 | f32[2, 3, 4]
        masked_fill | f32[3] bool[2, 3] | value=0.0 | !does not fit
        fake_quantize | f32[N, 3, 4] f32[3, 1] f32[] f32[] | | f32[N, 3, 4]
        fake_quantize | f32[3] f32[2, 3] f32[] f32[] | | !do not fit
        fake_quantize_backward | f32[N, 3] f32[N, 3] f32[3] f32[] f32[] | | f32[N, 3]
        fake_quantize_scale_backward | f32[N, 3] f32[N, 3] f32[3] f32[] f32[] | | f32[N, 3]
        learned_scale | f32[3] f32[3] f32[3] f32[3] | | f32[3]
        learned_scale | f32[3] f32[2] f32[3] f32[3] | | !of one type
        learned_scale_backward | f32[3] f32[3] f32[3] f32[3] f32[3] | | f32[3]
        opaque | | shape=[2,N] dtype=f32 | f32[2, N]
        stop_gradient | f32[N, 2] | | f32[N, 2]
        tan | f32[2] | | f32[2]
        asin | f32[2] | | f32[2]
        acos | f32[2] | | f32[2]
        atan | i64[2] | | !floating-point
        sinh | f32[2] | | f32[2]
        cosh | f32[2] | | f32[2]
        asinh | f32[2] | | f32[2]
        acosh | f32[2] | | f32[2]
        atanh | f32[2] | | f32[2]
        floor | f32[2] | | f32[2]
        ceil | f32[2] | | f32[2]
        round | f32[2] | | f32[2]
        remainder | f32[N, 3] f32[3] | | f32[N, 3]
        remainder | f32[2] i64[2] | | !convert one
        floor_divide | i64[2] i64[] | | i64[2]
        atan2 | f32[2] f32[2] | | f32[2]
        logical_and | bool[N, 1] bool[3] | | bool[N, 3]
        logical_or | f32[2] bool[2] | | !truth values
        logical_xor | bool[2] bool[2] | | bool[2]
        logical_not | i64[2] | | !truth values
        isnan | f32[N] | | bool[N]
        isinf | f32[N] | | bool[N]
        prod | f32[N, 3] | axis=1 keep=false | f32[N]
        logsumexp | f32[N, 3] | axis=1 keep=true | f32[N, 1]
        l2_norm | f32[N, 3] | axis=1 keep=true | f32[N, 1]
        cumsum | f32[N, 3] | axis=1 | f32[N, 3]
        cumprod | f32[N, 3] | axis=1 | f32[N, 3]
        topk | f32[N, 5] | axis=1 k=[2] largest=true | f32[N, 2] i64[N, 2]
        topk | f32[N, 5] | axis=1 k=[6] largest=true | !larger than
        gather | f32[N, 5] i64[N, 2] | axis=1 | f32[N, 2]
        gather | f32[N, 5] f32[N, 2] | axis=1 | !int64 index
        scatter | f32[N, 5] i64[N, 2] f32[N, 2] | axis=1 | f32[N, 5]
        scatter_add | f32[5] i64[N, 2] f32[2] | axis=0 | !different numbers
        flip | f32[N, 5] | axes=[1] | f32[N, 5]
        tril | f32[N, 5, 5] | diagonal=0 | f32[N, 5, 5]
        triu | f32[5] | diagonal=0 | !matrix
        full | | shape=[N,2] value=1.0 dtype=f32 | f32[N, 2]
        range | | start=[0] offset=0.0 step=1.0 length=[T] dtype=i64 | i64[T]
        literal | | shape=[2] values=[1.5,2.5] dtype=f32 | f32[2]
        eye | | shape=[3,3] dtype=f32 | f32[3, 3]
        rfft | f32[N, 8, 3] | axis=1 | f32[N, 5, 3, 2]
        rfft | f32[N, T] | axis=1 | f32[N, floor((T) / 2) + 1, 2]
        rfft | i64[8] | axis=0 | !rfft
        irfft | f32[N, 5, 2] | axis=1 length=[8] | f32[N, 8]
        irfft | f32[N, 5, 2] | axis=1 length=[10] | !has 6 frequencies
        complex_abs | f32[N, 3] f32[N, 3] | | f32[N, 3]
        complex_abs | f32[N, 3] f32[N, 4] | | !differ
        random | | kind='normal' a=0.0 b=1.0 shape=[N,3] dtype=f32 | f32[N, 3]
        random | | kind='normal' a=0.0 b=1.0 shape=[3] dtype=i64 | !floating-point
        bernoulli | f32[N,3] | | f32[N, 3]
        bernoulli | i64[N] | | !bernoulli
        size_value | | size=[N] dtype=f32 | f32[]
        lstm | f32[T, N, 3] f32[1, N, 4] f32[1, N, 4] f32[16, 3] f32[16, 4] f32[16] f32[16] | bias=true bidirectional=false | f32[T, N, 4] f32[1, N, 4] f32[1, N, 4]
        lstm | f32[T, N, 5] f32[1, N, 4] f32[1, N, 4] f32[16, 3] f32[16, 4] | bias=false bidirectional=false | !takes 3 features
        gru | f32[T, N, 3] f32[2, N, 4] f32[12, 3] f32[12, 4] f32[12, 3] f32[12, 4] | bias=false bidirectional=true | f32[T, N, 8] f32[2, N, 4]
        rnn_tanh | f32[T, N, 3] f32[1, N, 4] f32[4, 3] f32[4, 4] | bias=false bidirectional=false | f32[T, N, 4] f32[1, N, 4]
        rnn_relu | f32[N, 3] f32[1, N, 4] f32[4, 3] f32[4, 4] | bias=false bidirectional=false | !sequence
        vjp | f32[2] f32[3] f32[2, 3] | vjp_op='where' vjp_given=[0] vjp_wanted=[1] | f32[2, 3]
        cast | i64[N] | dtype=f32 | f32[N]
        constant | | value=2.0 dtype=f64 | f64[]
        sum | f32[N, 3, 4] | axes=[1] keep=false | f32[N, 4]
        sum | f32[N, 3] | axes=[0,1] keep=true | f32[1, 1]
        mean | f32[N, 3] | axes=[0,1] keep=false | f32[]
        amax | i64[3] | axes=[0] keep=false | i64[]
        amax | bool[3] | axes=[0] keep=false | !floating-point
        argmax | f32[N, 3] | axis=1 keep=false | i64[N]
        argmax | f32[N, 3] | axis=1 keep=true | i64[N, 1]
        sum_to | f32[2, 3] | shape=[3] | f32[3]
        divide_by_size | f32[2] | size=[N] | f32[2]
        softmax | f32[N, 3] | axis=1 | f32[N, 3]
        softmax | f32[N, 3] | axis=2 | !no dimension 2
        log_softmax | f32[N, 3] | axis=-1 | f32[N, 3]
        matmul | f32[N, 2, 3] f32[3, 4] | | f32[N, 2, 4]
        matmul | f32[2, 3] f32[4, 3] | | !transpose(-2, -1)
        matmul | f32[3] f32[3, 4] | | !unsqueeze
        linear | f32[N, 7, 4] f32[5, 4] f32[5] | | f32[N, 7, 5]
        linear | f32[N, 8, 3, 3] f32[5, 72] | | !flatten
        linear | f32[N, 4] f32[5, 4] f32[4] | | !bias
        conv | f32[N, 3, 28, 28] f32[8, 3, 3, 3] f32[8] | stride=[1,1] padding=[0,0] dilation=[1,1] groups=1 | f32[N, 8, 26, 26]
        conv | f32[N, 4, H, W] f32[8, 2, 3, 5] | stride=[2,1] padding=[1,2] dilation=[1,1] groups=2 | f32[N, 8, floor((H - 1) / 2) + 1, W]
        conv | f32[N, 3, 9] f32[8, 3, 3] | stride=[2] padding=[1] dilation=[2] groups=1 | f32[N, 8, 4]
        conv | f32[N, 3, 2] f32[8, 3, 3] | stride=[1] padding=[0] dilation=[1] groups=1 | !does not fit into length 2
        conv | f32[N, 4, 9] f32[8, 3, 3] | stride=[1] padding=[0] dilation=[1] groups=1 | !has 4 channels
        conv | f32[N, 3] f32[8, 3, 3] | stride=[1] padding=[0] dilation=[1] groups=1 | !needs an input with 3 dimensions
        conv_backward | f32[N, 8, 7] f32[N, 3, 9] f32[8, 3, 3] | stride=[1] padding=[0] dilation=[1] groups=1 mask=[1,1,0] | f32[N, 3, 9] f32[8, 3, 3]
        max_pool | f32[N, 3, 9, 8] | kernel=[2,2] stride=[2,2] padding=[0,0] dilation=[1,1] ceil=false | f32[N, 3, 4, 4] i64[N, 3, 4, 4]
        max_pool | f32[N, 3, 9, 8] | kernel=[2,2] stride=[2,2] padding=[0,0] dilation=[1,1] ceil=true | f32[N, 3, 5, 4] i64[N, 3, 5, 4]
        max_pool | f32[N, 3, 9, 8] | kernel=[2,2] stride=[2,2] padding=[2,0] dilation=[1,1] ceil=false | !more than half
        max_pool_backward | f32[N, 3, 4, 4] f32[N, 3, 9, 8] i64[N, 3, 4, 4] | | f32[N, 3, 9, 8]
        avg_pool | f32[N, 3, 8, 8] | kernel=[3,3] stride=[2,2] padding=[1,1] ceil=false count_padding=true | f32[N, 3, 4, 4]
        avg_pool | f32[N, 3, 8] | kernel=[3,3] stride=[2,2] padding=[1,1] ceil=false count_padding=true | ![N, C, H, W]
        avg_pool_backward | f32[N, 3, 4, 4] f32[N, 3, 8, 8] | | f32[N, 3, 8, 8]
        adaptive_avg_pool | f32[N, 3, H, W] | size=[2,1] | f32[N, 3, 2, 1]
        adaptive_avg_pool | f32[N, 3] | size=[1,1] | ![N, C, H, W]
        adaptive_avg_pool_backward | f32[N, 3, 1, 1] f32[N, 3, 8, 8] | | f32[N, 3, 8, 8]
        batch_norm | f32[N, 4, 5] f32[4] f32[4] f32[4] f32[4] i64[] | eps=0.1 | f32[N, 4, 5]
        batch_norm | f32[N, 5] f32[4] f32[4] f32[4] f32[4] i64[] | eps=0.1 | !over 4 channels
        batch_norm_train | f32[N, 4] f32[4] f32[4] f32[4] f32[4] i64[] | eps=0.1 momentum=0.1 | f32[N, 4] f32[4] f32[4]
        batch_norm_apply | f32[N, 4] f32[4] f32[4] f32[4] f32[4] | | f32[N, 4]
        checkpoint | f32[N, 4] f32[2] | | f32[N, 4]
        batch_norm_backward | f32[N, 4] f32[N, 4] f32[4] f32[4] f32[4] | | f32[N, 4] f32[4] f32[4]
        attention | f32[N, 2, T, 4] f32[N, 2, S, 4] f32[N, 2, S, 5] | scale=0.5 causal=false | f32[N, 2, T, 5] f32[N, 2, T]
        attention | f32[N, T, 4] f32[N, S, 3] f32[N, S, 5] | scale=0.5 causal=false | !needs queries
        attention_backward | f32[N, T, 5] f32[N, T, 4] f32[N, S, 4] f32[N, S, 5] f32[T, S] f32[N, T, S] f32[N, T, 5] f32[N, T] | scale=0.5 causal=true mask_gradient=false | f32[N, T, 4] f32[N, S, 4] f32[N, S, 5]
        attention_backward | f32[N, T, 5] f32[N, T, 4] f32[N, S, 4] f32[N, S, 5] f32[T, S] f32[N, T, S] f32[N, T, 5] f32[N, T] | scale=0.5 causal=false mask_gradient=true | f32[N, T, 4] f32[N, S, 4] f32[N, S, 5] f32[N, T, S]
        layer_norm | f32[N, 3, 4] f32[3, 4] f32[3, 4] | eps=0.1 | f32[N, 3, 4]
        layer_norm | f32[N, 3] f32[4] f32[4] | eps=0.1 | !ends in these sizes
        layer_norm_backward | f32[N, 3] f32[N, 3] f32[3] | eps=0.1 | f32[N, 3] f32[3] f32[3]
        reshape | f32[N, 6] | shape=[N,2,3] | f32[N, 2, 3]
        reshape | f32[N, 6] | shape=[N,5] | !counts must be equal
        permute | f32[N, 3, 4] | order=[2,0,1] | f32[4, N, 3]
        permute | f32[N, 3] | order=[0,0] | !each dimension
        expand | f32[3, 1] | shape=[N,3,4] | f32[N, 3, 4]
        expand | f32[3, 2] | shape=[3,4] | !do not broadcast
        slice | f32[N, 5] | axis=1 start=[1] length=[3] | f32[N, 3]
        slice | f32[N, 5] | axis=1 start=[3] length=[3] | !lie outside
        slice_backward | f32[N, 3] | axis=1 start=[1] length=[3] shape=[N,5] | f32[N, 5]
        cat | f32[N, 2] f32[N, 3] | axis=1 | f32[N, 5]
        cat | f32[N, 2] f32[M, 2] | axis=0 | f32[M + N, 2]
        cat | f32[N, 2] f32[N, 3] | axis=0 | !does not join
        causal_mask | | shape=[T,T] | bool[T, T]
        embedding | f32[10, 4] i64[N, T] | | f32[N, T, 4]
        embedding | f32[10, 4] f32[N] | | !whole-number indices
        embedding_backward | f32[N, 4] i64[N] | shape=[10,4] | f32[10, 4]
        dropout | f32[N] | p=0.5 | f32[N]
        dropout | f32[N] | p=1.0 | !outside [0, 1)
        dropout_mask | | p=0.5 shape=[N] dtype=f32 | f32[N]
        conv | f32[N, 2, 4, H, 5] f32[6, 2, 2, 3, 3] | stride=[1,1,2] padding=[0,1,1] dilation=[1,1,1] groups=1 | f32[N, 6, 3, H, 3]
        conv_transpose | f32[N, 4, H, 5] f32[4, 3, 3, 2] f32[6] | stride=[2,1] padding=[1,0] output_padding=[1,0] dilation=[1,2] groups=2 | f32[N, 6, 2 * H, 7]
        conv_transpose | f32[N, 4, 5] f32[3, 3, 3] | stride=[1] padding=[0] output_padding=[0] dilation=[1] groups=1 | !has 4 channels
        conv_transpose | f32[N, 3, 5] f32[3, 3, 3] | stride=[1] padding=[0] output_padding=[1] dilation=[1] groups=1 | !output padding 1
        max_pool | f32[N, 3, L] | kernel=[2] stride=[2] padding=[0] dilation=[1] ceil=false | f32[N, 3, floor((L) / 2)] i64[N, 3, floor((L) / 2)]
        max_pool_indices | f32[N, 3, 8] | kernel=[2] stride=[2] padding=[0] dilation=[1] ceil=false | f32[N, 3, 4] i64[N, 3, 4]
        avg_pool | f32[N, 3, 8, 8, 8] | kernel=[2,2,2] stride=[2,2,1] padding=[0,0,0] ceil=false count_padding=true | f32[N, 3, 4, 4, 7]
        adaptive_avg_pool | f32[N, 3, L] | size=[2] | f32[N, 3, 2]
        adaptive_max_pool | f32[N, 3, H, W] | size=[2,1] | f32[N, 3, 2, 1]
        adaptive_max_pool | f32[N, 3, H] | size=[2,1] | ![N, C, H, W]
        adaptive_max_pool_indices | f32[N, 3, H, W] | size=[2,1] | f32[N, 3, 2, 1] i64[N, 3, 2, 1]
        lp_pool | f32[N, 3, 9] | norm=2.0 kernel=[3] stride=[2] ceil=false | f32[N, 3, 4]
        lp_pool | f32[N, 3, 9] | norm=0.0 kernel=[3] stride=[2] ceil=false | !must not be 0
        unfold | f32[N, 3, 5, W] | kernel=[2,2] dilation=[1,1] padding=[0,0] stride=[1,1] | f32[N, 12, 4 * W - 4]
        unfold | f32[3, 5, 5] | kernel=[2,2] dilation=[1,1] padding=[0,0] stride=[1,1] | ![N, C, H, W]
        fold | f32[N, 12, 16] | size=[5,5] kernel=[2,2] dilation=[1,1] padding=[0,0] stride=[1,1] | f32[N, 3, 5, 5]
        fold | f32[N, 12, 15] | size=[5,5] kernel=[2,2] dilation=[1,1] padding=[0,0] stride=[1,1] | !has 15 windows
        fold | f32[N, 13, 16] | size=[5,5] kernel=[2,2] dilation=[1,1] padding=[0,0] stride=[1,1] | !not a multiple
        pad | f32[N, 3, H, 4] | pads=[1,2,0,-1] mode='constant' value=0.0 | f32[N, 3, H - 1, 7]
        pad | f32[N, 3, 4] | pads=[4,0] mode='reflect' value=0.0 | !needs more than the 4 elements
        pad | f32[2, 3, N, 3, 4] | pads=[1,1] mode='replicate' value=0.0 | ![N, C, L]
        pad | f32[N, 3] | pads=[1] mode='constant' value=0.0 | !two numbers
        resize | f32[N, 3, H, 4] | size=[H,9] mode='linear' scale='' align_corners=false | f32[N, 3, H, 9]
        resize | f32[N, 3, 4] | size=[9] mode='cubic' scale='' align_corners=false | !two of them
        grid_sample | f32[N, 3, 4, 5] f32[N, 6, 7, 2] | mode='linear' padding='zeros' align_corners=false | f32[N, 3, 6, 7]
        grid_sample | f32[N, 3, 4, 5] f32[N, 6, 7, 3] | mode='linear' padding='zeros' align_corners=false | !last dimension of 2
        affine_grid | f32[N, 2, 3] | size=[N,3,4,5] align_corners=false | f32[N, 4, 5, 2]
        affine_grid | f32[N, 2, 2] | size=[N,3,4,5] align_corners=false | !do not fit
        batch_norm | f32[N, 4, 5] f32[4] f32[4] f32[4] f32[4] | eps=0.1 | f32[N, 4, 5]
        group_norm | f32[N, 4, L] f32[4] f32[4] | groups=2 eps=0.1 | f32[N, 4, L]
        group_norm | f32[N, 5, L] | groups=2 eps=0.1 | !multiple of 2 groups
        instance_norm | f32[N, 4, L] | eps=0.1 | f32[N, 4, L]
        instance_norm | f32[N, 4, L] f32[3] f32[3] | eps=0.1 | !one number for each
        instance_norm_running | f32[N, 4, L] f32[4] f32[4] f32[4] f32[4] | eps=0.1 | f32[N, 4, L]
        instance_norm_move | f32[N, 4, L] f32[4] f32[4] | momentum=0.1 |
        batch_statistics_norm | f32[N, 4] f32[4] f32[4] | eps=0.1 | f32[N, 4]
        batch_statistics_norm | f32[4] | eps=0.1 | ![N, C, ...]
        local_response_norm | f32[N, 4, L] | size=3 | f32[N, 4, L]
        local_response_norm | f32[N, 4] | size=3 | !spatial dimension
        channel_dropout | f32[N, 4, L] | p=0.5 | f32[N, 4, L]
        alpha_dropout | f32[N] | p=0.5 channels=false | f32[N]
        alpha_dropout | f32[N] | p=0.5 channels=true | !dropout of channels
        dropout_noise | f32[N, 4, L] | p=0.5 channels=true scaled=true | f32[N, 4, 1]
        cross_entropy | f32[N, 5] i64[N] | label_smoothing=0.0 | f32[]
        cross_entropy | f32[N, 5, T] i64[N, T] | label_smoothing=0.0 | f32[]
        cross_entropy | f32[N, 5] i64[N, 5] | label_smoothing=0.0 | !class indices i64[N]
        cross_entropy | f32[N] i64[N] | label_smoothing=0.0 | !scores [N, classes
        mse_loss | f32[N, 2] f32[N, 2] | | f32[]
        mse_loss | f32[N, 2] f32[N] | | !prediction's type
        bce_with_logits | f32[N] f32[N] | | f32[]
        l1_loss | f32[N] f32[N] | | f32[]
        smooth_l1_loss | f32[N] f32[N] | beta=1.0 | f32[]
        softmax_backward | f32[N, 5] f32[N, 5] | axis=1 | f32[N, 5]
        log_softmax_backward | f32[N, 5] f32[N, 5] | axis=1 | f32[N, 5]
        subtract_target | f32[N, 5] i64[N] | label_smoothing=0.0 | f32[N, 5]
        cross_entropy_with_slope | f32[N, 5] i64[N] | label_smoothing=0.0 | f32[] f32[N, 5]
        store_gradient | f32[5] | index=0 |
        optimizer_step | | |
        """;

    public static TheoryData<string> Rows => [.. Table.Split('\n').Select(static row => row.Trim())];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Rule_GivesTheType(string row)
    {
        string[] cells = [.. row.Split('|').Select(static cell => cell.Trim())];
        TensorType?[] operands = [.. Types(cells[1])];
        var context = new OpContext(cells[0], Attributes(cells[0], cells[2]), operands);
        if (cells[3].StartsWith('!'))
        {
            Assert.Contains(cells[3][1..], Assert.ThrowsAny<OpException>(() => OpRegistry.Get(cells[0]).Infer(context)).Message);
        }
        else
        {
            EquatableArray<TensorType> results = OpRegistry.Get(cells[0]).Infer(context);
            Assert.Equal(cells[3], string.Join(" ", results.Select(static type => type.ToString())));
            Assert.NotNull(OpRegistry.Get(cells[0]).Flops(context, results));
        }
    }

    [Fact]
    public void EveryOperator_HasARow() =>
        Assert.Empty(OpRegistry.All.Select(static op => op.Name).Except(Table.Split('\n').Select(static row => row.Split('|')[0].Trim())));

    private static IEnumerable<TensorType> Types(string text)
    {
        foreach (string part in text.Split(']', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] halves = part.Split('[');
            yield return new TensorType(Type(halves[0]), Dims(halves[1]).ToEquatableArray());
        }
    }

    private static DType Type(string name) => name switch { "f32" => DType.Float32, "f64" => DType.Float64, "i32" => DType.Int32, "i64" => DType.Int64, _ => DType.Bool };

    private static IEnumerable<Dim> Dims(string list) =>
        list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select<string, Dim>(static size => long.TryParse(size, out long known) ? known : Dim.Symbol(size));

    private static OpAttributes Attributes(string op, string text) => OpAttributes.Of([.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => Attribute(op, pair.Split('=')))]);

    private static (string, object) Attribute(string op, string[] pair)
    {
        (string name, string text) = (pair[0], pair[1]);
        bool sizes = name is "shape" or "start" or "length" or "k" || (name == "size" && op is "divide_by_size" or "size_value" or "resize" or "affine_grid");
        if (name == "values")
        {
            return (name, text.Trim('[', ']').Split(',').Select(static number => double.Parse(number, System.Globalization.CultureInfo.InvariantCulture)).ToArray());
        }

        if (text.StartsWith('['))
        {
            return (name, sizes ? Dims(text.Trim('[', ']')).ToArray() : text.Trim('[', ']').Split(',').Select(long.Parse).ToArray());
        }

        object value = text switch
        {
            "true" or "false" => text == "true",
            "f32" or "f64" or "i32" or "i64" => Type(text),
            ['\'', ..] => text.Trim('\''),
            _ when text.Contains('.') => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture),
            _ => long.Parse(text, System.Globalization.CultureInfo.InvariantCulture),
        };
        return (name, value);
    }
}
